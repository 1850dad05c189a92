/** One plan from its beginning to its end. The same plan gives the same history, byte for byte. */

import { schedule } from "./actors/happenings.ts"
import { install } from "./actors/install.ts"
import { makeOperator } from "./actors/operator.ts"
import { startRecorder } from "./actors/recorder.ts"
import {
  DISK_BYTES,
  FORGEJO,
  RECEIVER_CONFIG,
  receiverSettings,
  SHIPPER_CONFIG,
  shipperSettings
} from "./actors/settings.ts"
import type { Stage } from "./actors/stage.ts"
import { makeSupervisor } from "./actors/supervisor.ts"
import { answers } from "./checks/answers.ts"
import { blamed } from "./checks/blamed.ts"
import type { Check, Readers } from "./checks/check.ts"
import { makeContentReader } from "./checks/content.ts"
import { makeEnding } from "./checks/ending.ts"
import { makeHangs } from "./checks/hangs.ts"
import { makeLedger } from "./checks/ledger.ts"
import { partials } from "./checks/partials.ts"
import { QUARANTINE, STORE } from "./checks/places.ts"
import { retired } from "./checks/retired.ts"
import { stored } from "./checks/stored.ts"
import { answerIn, makeTraffic, sentIn, windowAt } from "./checks/traffic.ts"
import { uploads } from "./checks/uploads.ts"
import { Violation } from "./checks/violation.ts"
import { makeFinder, whole } from "./checks/whole.ts"
import { Disk } from "./disk/disk.ts"
import type { Call, Fault } from "./kernel/call.ts"
import { type Machine, makeMachine } from "./kernel/machine.ts"
import type { Process } from "./kernel/process.ts"
import { type ProgramName, start } from "./kernel/program.ts"
import { makeRandom } from "./kernel/random.ts"
import { makeWorld } from "./kernel/world.ts"
import { addForgejo } from "./network/forgejo.ts"
import { makeNetwork } from "./network/network.ts"
import { commitAt, FIRST_HEAD } from "./plan/commits.ts"
import { makeDecide } from "./plan/faults.ts"
import { makePassages } from "./plan/passages.ts"
import { faultsEnd, type Plan, RECEIVER_MACHINE } from "./plan/plan.ts"
import { keysOf, moves } from "./report/keys.ts"
import { settle } from "./settle.ts"

export interface Outcome {
  readonly plan: Plan
  readonly broken: Violation | undefined
  readonly history: ReadonlyArray<string>
  /** How often each thing happened, for the coverage. */
  readonly counts: ReadonlyMap<string, number>
  readonly calls: number
  readonly steps: number
  /** Of these calls, those before everything was at rest. */
  readonly callsAtRest: number
  /** In the world's time. */
  readonly tookMillis: number
}

export interface RunOptions {
  /** Told of every call, until everything is at rest; may give it a fate. */
  readonly seen?: (process: Process, call: Call, index: number) => Fault | undefined
}

/** What a plan does not say: how busy the machines are, and how far apart. */
const LINK = { latencyMillis: 1, bytesPerSecond: 50_000_000 }

export const run = (plan: Plan, { seen }: RunOptions = {}): Outcome => {
  const random = makeRandom(plan.seed)
  const world = makeWorld()
  const beginning = world.now()
  const elapsed = (): number => world.now() - beginning
  const endOfFaults = faultsEnd(plan)
  const isOver = (): boolean => elapsed() > endOfFaults
  const counts = new Map<string, number>()
  const count = (key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1)
  const sumOf = (group: string): number =>
    [...counts].reduce((sum, [key, times]) => (key.startsWith(group) ? sum + times : sum), 0)
  let calls = 0
  let callsAtRest = 0
  let broken: Violation | undefined
  const report = (violation: Violation): void => {
    broken ??= violation
    world.stop()
  }
  const guarded = (act: () => void): void => {
    try {
      act()
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      report(error)
    }
  }

  const decide = makeDecide(
    random.fork("calls"),
    plan.events,
    isOver,
    (event, process) => {
      for (const key of keysOf(event)) count(key)
      if (event.fate._tag === "Slow") hangs.slowed(process, event.fate.millis)
    },
    (process, call, index) => {
      calls++
      return callsAtRest === 0 ? seen?.(process, call, index) : undefined
    }
  )
  const performed = (process: Process, call: Call): void =>
    guarded(() => {
      for (const check of checks) check.performed?.(process, call)
    })
  const machine = (name: string): Machine =>
    makeMachine(world, {
      name,
      random: random.fork(name),
      decide,
      performed,
      disk: (now) => new Disk({ capacityBytes: DISK_BYTES, now, salt: random.fork(`${name} salt`).int(1000) })
    })
  const hosts = new Map(plan.hosts.map((host) => [host.name, machine(host.name)]))
  const central = machine(RECEIVER_MACHINE)
  const machines = [...hosts.values(), central]
  const machineOf = (name: string): Machine => {
    const found = machines.find((each) => each.name === name)
    if (found === undefined) throw new Error(`no machine ${name}`)
    return found
  }

  const readers = new Map<Machine, Readers>(
    machines.map((each) => [each, { current: makeContentReader(), durable: makeContentReader() }])
  )
  const traffic = makeTraffic()
  const ledger = makeLedger()
  const scene = {
    plan,
    world,
    hosts,
    central,
    ledger,
    traffic,
    readers: (of: Machine): Readers => readers.get(of) as Readers
  }

  const network = makeNetwork(world, {
    link: () => LINK,
    decide: makePassages(
      plan,
      elapsed,
      isOver,
      ({ from, request }) => {
        guarded(() => uploads_.sent(request))
        const sent = sentIn(traffic, request, world.now())
        if (sent === undefined) return
        traffic.sent.push(sent)
        guarded(() => retirement.sent(from, sent))
      },
      (event, words) => {
        if (event !== undefined) count("event: connection")
        count(words)
      }
    ),
    answered: (head, response, body, arrivedAt) => {
      guarded(() => uploads_.answered(head, response))
      const answer = answerIn(traffic, head, response, body, { arrivedAt, at: world.now() })
      if (answer === undefined) return
      traffic.answers.push(answer)
      count(`${answer.partial ? "upload" : "answer"}: ${answer.method} ${answer.status}`)
      guarded(() => judgeAnswer(answer))
    }
  })
  for (const each of machines) network.attach(each)

  let head = FIRST_HEAD
  const branch = (): ReadonlyArray<string> => windowAt(head, head + 1)
  const forgejo = addForgejo(world, network, {
    ...FORGEJO,
    owner: "lab",
    name: "cis490",
    branch: "main",
    commits: branch(),
    answered: (askedAt, commits) =>
      void traffic.windows.push({ askedAt, commits: commits.slice(0, plan.receiver.window) })
  })

  const whole_ = whole(scene)
  const stored_ = stored(scene)
  const retirement = retired(scene)
  const judgeAnswer = answers(scene)
  const uploads_ = uploads(scene)
  const hangs = makeHangs(scene, report)
  const checks: ReadonlyArray<Check> = [whole_, stored_, retirement, blamed(scene), partials(scene), moves(count)]
  const disturbed = (where: Machine): void =>
    guarded(() => {
      for (const check of checks) check.disturbed?.(where)
    })
  const find = makeFinder(scene)

  const begin = (where: Machine, what: Parameters<typeof start>[2]) =>
    start(where, network, {
      ...what,
      onEnd: (end) => {
        what.onEnd?.(end)
        if (end._tag === "PowerCut") poweredOff(where)
      }
    })
  const off = new Set<Machine>()
  /** Once for each cut, however many programs it ends; the disk is what it is only afterwards. */
  const poweredOff = (where: Machine): void => {
    if (off.has(where)) return
    off.add(where)
    world.after(0, () => {
      off.delete(where)
      count("power: cut")
      disturbed(where)
      supervisor.meetPowerCut(where)
    })
  }

  for (const host of plan.hosts)
    install(machineOf(host.name), SHIPPER_CONFIG, shipperSettings(host), commitAt(FIRST_HEAD))
  install(central, RECEIVER_CONFIG, receiverSettings(plan), commitAt(FIRST_HEAD))

  const supervisor = makeSupervisor(
    world,
    new Map<string, ProgramName>([
      ...[...hosts.keys()].map((name) => [name, "shipper"] as const),
      [RECEIVER_MACHINE, "receiver"] as const
    ]),
    {
      machineOf,
      start: begin,
      happened: count,
      stopped: (name, millis) => count(millis > 11_000 ? `stop: slow ${name}` : "stop: in time")
    }
  )
  /** Whoever does this gives up what lies in that directory, unless it is stored. */
  const forfeitAt = (host: string, path: string, why: string): void => {
    const { disk } = machineOf(host)
    const content = scene.readers(machineOf(host)).current.ofDirectory(disk.current(), path)
    for (const entry of ledger.owed()) {
      if (entry.host !== host || entry.content !== content || find(entry, "durable")?.startsWith(STORE) === true)
        continue
      entry.forfeited = why
    }
  }
  const stage: Stage = {
    ...scene,
    head: () => head,
    push: (commits) => {
      head += commits
      forgejo.commits = branch()
      world.note("forgejo", `${commits} new commits`)
    },
    machineOf,
    planOf: (name) => {
      const found = plan.hosts.find((host) => host.name === name)
      if (found === undefined) throw new Error(`no host ${name}`)
      return found
    },
    forgejo,
    disturbed,
    written: (host, id) => retirement.written(host, id),
    taken: (path) => stored_.taken(path),
    forfeitAt,
    forfeitLost: () => {
      for (const entry of ledger.owed()) {
        if (find(entry, "current") === undefined || find(entry, "durable") === undefined)
          entry.forfeited = "lost by the receiver's disk"
      }
    },
    supervisor,
    operator: makeOperator(world, {
      machineOf,
      start: begin,
      about: (host, argv) => {
        if (argv[0] === "quarantine" && argv[1] === "purge")
          forfeitAt(host, `${QUARANTINE}/${argv[2]}`, "purged by the operator")
      },
      happened: count
    })
  }
  for (const host of plan.hosts)
    for (const episode of host.episodes) world.after(episode.at, () => startRecorder(stage, host.name, episode))
  schedule(stage, plan.events, (event) => {
    for (const key of keysOf(event)) count(key)
    world.note("plan", JSON.stringify(event))
  })

  const ending = makeEnding(scene)
  const afterStep = (): void => {
    if (broken !== undefined) throw broken
    for (const check of checks) check.stepped?.()
  }
  try {
    settle({
      scene,
      supervisor,
      ending,
      hangs,
      endOfFaults: beginning + endOfFaults,
      ends: () => sumOf("ended"),
      atRest: () => void (callsAtRest = calls),
      goOn: (until) => world.run(until, afterStep),
      count
    })
    for (const entry of ledger.owed()) {
      const rest = ending.restOf(entry)
      count(`rest: ${rest._tag}${rest._tag === "Quarantined" ? ` ${rest.reason}` : ""}`)
    }
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    broken ??= error
    world.note("check", `VIOLATION ${error.message}`)
  }
  return { plan, broken, history: world.history, counts, calls, callsAtRest, steps: world.steps, tookMillis: elapsed() }
}
