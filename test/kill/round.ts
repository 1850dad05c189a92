/** One round: a lab at work, programs killed one after the other, and everything looked at after each kill. */
import * as fs from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import type { Ran } from "../support/shipperBox.ts"
import { type Actor, type Running, whileFrozen } from "./actor.ts"
import { type Chance, makeChance } from "./chance.ts"
import { startCommand } from "./commands.ts"
import { makeFaults } from "./faults.ts"
import { finish, within } from "./finish.ts"
import { type Judge, makeJudge } from "./judge.ts"
import { type Host, type Lab, openLab } from "./lab.ts"
import { hostPhase, receiverPhase } from "./phases.ts"

type Tally = Record<string, number>

export interface Report {
  readonly kills: number
  /** Kills by program and by what it was doing. */
  readonly phases: Readonly<Record<string, Tally>>
  /** How often each began, and what came of it on the wire. */
  readonly faults: Tally
  readonly wire: Tally
  /** Episodes by kind. */
  readonly episodes: Tally
  /** Programs that a fault ended, and commands that came to their end. */
  readonly ends: Tally
  readonly looks: number
  readonly violations: ReadonlyArray<string>
}

const count = (tally: Tally, name: string): void => {
  tally[name] = (tally[name] ?? 0) + 1
}

/** Waits for so many changes in these directories, but not long. */
const changes = (directories: ReadonlyArray<string>, wanted: number, millis: number): Promise<void> =>
  new Promise((resolve) => {
    let left = wanted
    const watchers = directories.map((path) => fs.watch(path, () => (--left <= 0 ? done() : undefined)))
    const timer = setTimeout(() => done(), millis)
    const done = () => {
      clearTimeout(timer)
      for (const watcher of watchers) watcher.close()
      resolve()
    }
  })

/** How long a program is waited for that may not come up just now. */
const START_MILLIS = 2000

const spin = (millis: number): void => {
  for (const end = performance.now() + millis; performance.now() < end; );
}

/** The moment of a kill: any, or just when something happens on the victim's disk; now and then while it starts. */
const moment = async (chance: Chance, victim: Actor): Promise<void> => {
  if (chance.yes(0.15)) return void (await sleep(Math.max(0, chance.between(20, 400) - victim.age())))
  await within(START_MILLIS, () => victim.up() !== null)
  if (chance.yes(0.35)) return void (await sleep(chance.between(0, 350)))
  await changes(victim.stage, chance.between(1, 12), 400)
  spin(chance.between(0, 3000) / 1000)
}

const work = (chance: Chance, judge: Judge, hosts: ReadonlyArray<Host>): void => {
  for (const host of hosts) {
    for (let burst = chance.yes(0.1) ? 5 : 1; burst > 0; burst--) if (chance.yes(0.55)) host.recorder.begin()
    while (chance.yes(0.75) && host.recorder.finish()) continue
    if (!chance.yes(0.03)) continue
    const { recorded } = host.recorder
    const used = new Set(recorded.filter(({ kind }) => kind === "conflict").map(({ id }) => id))
    const free = recorded.filter((each) => each.kind === "good" && !used.has(each.id) && judge.isStored(each))
    if (free.length > 0) host.recorder.useAgain(chance.one(free).id)
  }
}

/** Kills `wanted` programs below `root`, or fewer if a promise is found broken. */
export const runRound = async (
  root: string,
  options: { readonly seed: number; readonly wanted: number; readonly say: (line: string) => void }
): Promise<Report> => {
  const chance = makeChance(options.seed)
  const [phases, ends]: [Record<string, Tally>, Tally] = [{}, {}]
  const violations: Array<string> = []
  let [kills, looks] = [0, 0]

  const onOwnEnd = (name: string, { code, signal, stderr }: Ran): void => {
    const how = `${name} ended ${signal ?? code} by itself`
    if (faults.excuses(name)) count(ends, how)
    else violations.push(`${how}, and nothing was done to it: ${stderr.slice(-1500)}`)
  }
  await using lab: Lab = await openLab(root, chance, onOwnEnd)
  const faults = makeFaults(lab, chance)
  const judge = makeJudge(lab)
  const look = async (programs: ReadonlyArray<Running>): Promise<void> => {
    const indexFull = faults.isActive("disk of the index full")
    looks++
    violations.push(...(await whileFrozen(programs, () => judge.look({ indexFull, final: false }))))
  }
  const running = (): ReadonlyArray<Running> => lab.actors.flatMap((actor) => actor.running() ?? [])
  const note = (name: string, phase: string): void => {
    kills++
    count((phases[name] ??= {}), phase)
  }

  const killActor = async (victim: Actor): Promise<void> => {
    const since = victim.up() === null ? undefined : Date.now() - victim.age()
    const ran = await victim.end("SIGKILL")
    if (ran?.signal !== "SIGKILL") return
    const host = lab.hosts.find(({ name }) => name === victim.name)
    note(victim.name, host === undefined ? receiverPhase(lab, since) : hostPhase(host, since))
  }

  const killDaemons = async (): Promise<void> => {
    const victim = chance.yes(0.35) ? lab.receiver.actor : chance.one(lab.hosts).actor
    await moment(chance, victim)
    const both = chance.yes(0.1) ? [lab.receiver.actor, victim] : [victim]
    await Promise.all([...new Set(both)].map(killActor))
    await look(running())
  }

  const killCommand = async (): Promise<void> => {
    const command = startCommand(chance, chance.one(lab.hosts))
    if (command === undefined) return
    // At any time, or as soon as it has moved something.
    if (chance.yes(0.3)) await sleep(chance.between(50, 500))
    else await within(START_MILLIS, () => command.over() || command.progress() !== "nothing moved yet")
    const ran = await command.kill()
    if (ran.signal === "SIGKILL") note(command.name, command.progress())
    else count(ends, `${command.name} ended ${ran.code}`)
    if (ran.code !== null && ran.code > 1) violations.push(`${command.name} ended ${ran.code}: ${ran.stderr}`)
    await look(running())
  }

  for (const { start } of lab.actors) start()
  while (kills < options.wanted && violations.length === 0) {
    faults.step()
    work(chance, judge, lab.hosts)
    await (chance.yes(0.15) ? killCommand() : killDaemons())
    options.say(
      `${kills} of ${options.wanted} kills, ${lab.hosts.reduce((sum, host) => sum + host.recorder.recorded.length, 0)} episodes`
    )
    // Now and then one stays away for a step.
    for (const { start } of lab.actors) if (chance.yes(0.85)) start()
  }
  faults.liftAll()
  if (violations.length === 0) violations.push(...(await finish(lab, judge)))
  for (const { end } of lab.actors) await end("SIGKILL")
  if (violations.length > 0) lab.keep()

  const wire: Tally = {}
  const episodes: Tally = {}
  for (const { link, recorder } of lab.hosts) {
    for (const [name, times] of Object.entries(link.tally)) wire[name] = (wire[name] ?? 0) + times
    for (const { kind } of recorder.recorded) count(episodes, kind)
  }
  return { kills, phases, faults: faults.tally, wire, episodes, ends, looks, violations }
}
