/** The end of a round: the faults are over, everything must come to rest, end well and be as promised. */
import * as fs from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { type Actor, launch } from "./actor.ts"
import type { Judge } from "./judge.ts"
import type { Host, Lab } from "./lab.ts"

const START_MILLIS = 20_000
const REST_MILLIS = 120_000
/** What SIGTERM leaves a shipper, and what the receiver leaves its clients and itself. */
const endMillis = (name: string): number => (name === "receiver" ? 20_000 : 10_000)

/** Whether it becomes so in time. */
export const within = async (millis: number, isSo: () => boolean): Promise<boolean> => {
  for (const latest = performance.now() + millis; !isSo(); await sleep(2)) if (performance.now() > latest) return false
  return true
}

/** Ends it as an operator does; what was wrong with that. */
const endWell = async (actor: Actor): Promise<ReadonlyArray<string>> => {
  if (!(await within(START_MILLIS, () => actor.up() !== null))) return [`${actor.name} does not start`]
  const began = performance.now()
  const ran = await actor.end("SIGTERM")
  const wrong =
    ran?.code === 0 ? [] : [`${actor.name} ended ${ran?.signal ?? ran?.code} on SIGTERM: ${ran?.stderr.slice(-1500)}`]
  return performance.now() - began < endMillis(actor.name) ? wrong : [...wrong, `${actor.name} took its time to end`]
}

const isAtRest = (host: Host): boolean => {
  const held = host.recorder.recorded.filter(({ kind }) => kind === "conflict").map(({ id }) => id)
  const rest = (below: string, wanted: ReadonlyArray<string>) => host.names(below).join() === wanted.toSorted().join()
  return (
    rest("episodes", held) &&
    rest(
      "outbox",
      held.map((id) => `${id}.conflict.json`)
    )
  )
}

/** Whatever is not as it was promised, in words. */
export const finish = async (lab: Lab, judge: Judge): Promise<ReadonlyArray<string>> => {
  const wrong: Array<string> = []
  for (const { link, recorder } of lab.hosts) {
    link.become("clear")
    while (recorder.finish()) continue
  }
  // Nobody waits any longer for what a full disk has told it to wait for.
  for (const actor of lab.actors) {
    actor.start()
    wrong.push(...(await endWell(actor)))
    actor.start()
  }
  // An upload that no host remembers goes when its time is over.
  const arriving = () => fs.readdirSync(lab.receiver.paths.incoming_root).filter((name) => name !== "uploads")
  const atRest = () => lab.hosts.every(isAtRest) && arriving().length === 0
  if (!(await within(REST_MILLIS, atRest))) wrong.push("it does not come to rest")
  for (const actor of lab.actors.toReversed()) wrong.push(...(await endWell(actor)))
  const verified = await launch(lab.receiver.program, lab.receiver.args("verify")).ended
  if (verified.code !== 0)
    wrong.push(`cis490-receiver verify ended ${verified.code}: ${verified.stdout}${verified.stderr}`)
  wrong.push(...(await judge.look({ indexFull: false, final: true })))
  return wrong
}
