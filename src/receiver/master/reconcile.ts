/** Brings one host to what is wanted of it: tells its agent, and waits for a report to agree. */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import { backoffSeconds } from "../../domain/backoff.ts"
import type { HostId } from "../../domain/names.ts"
import type { Outcome } from "../../domain/topology/answer.ts"
import type { Command } from "../../domain/topology/plan.ts"
import { steadyMillis } from "../steady.ts"
import { Agents } from "./Agents.ts"
import { Book } from "./book.ts"
import { next } from "./next.ts"
import type { Told } from "./reports.ts"
import { takeOver } from "./takeOver.ts"
import type { Watched } from "./watched.ts"

/** Between one telling and the next, until a report agrees. */
const BACKOFF_SECONDS = [1, 2, 4, 8, 16, 32, 60, 120, 300]
/** What cannot run on a host today may tomorrow: its routes are not part of what was ordered. */
const REFUSED_MILLIS = 3_600_000

const waitAfter = (outcome: Outcome, attempts: number) =>
  outcome._tag === "Refused"
    ? Effect.succeed(REFUSED_MILLIS)
    : Effect.map(Random.next, (random) => backoffSeconds(BACKOFF_SECONDS, attempts, random) * 1000)

const words = (command: Command): string =>
  command._tag === "Apply" ? `run ${command.hydrated.topology.id}` : `tear down ${command.topologyId}`

/** One after the other, up to the first that does not succeed. */
const tellAll = Effect.fnUntraced(function* (host: Watched, commands: ReadonlyArray<Command>, generation: number) {
  const agents = yield* Agents
  let last: { readonly outcome: Outcome; readonly words: string } = { outcome: { _tag: "Done" }, words: "" }
  for (const command of commands) {
    // What is told again has been said.
    const log = host.attempts === 0 ? Effect.logInfo : Effect.logDebug
    yield* log(`telling ${host.hostId} to ${words(command)}`).pipe(Effect.annotateLogs({ generation }))
    last = { outcome: yield* agents.tell(host.hostId, command, generation), words: words(command) }
    if (last.outcome._tag !== "Done") break
  }
  return last
})

/** Said once for as long as it stays the same. */
const say = (host: Watched, outcome: Outcome, what: string, before: Told | undefined): Effect.Effect<void> => {
  if (outcome._tag === "Done") return Effect.void
  if (before?.outcome === outcome._tag && before.words === outcome.error) return Effect.void
  const line = `${host.hostId} was told to ${what}, in vain: ${outcome.error}`
  return outcome._tag === "Superseded"
    ? Effect.logError(
        `${line}; another master has the say there, or this one has forgotten; to mend: cis490-receiver ${takeOver(host.hostId, host.standing?.wanted?._tag === "Nothing")}`
      )
    : Effect.logWarning(line)
}

const tell = Effect.fnUntraced(function* (host: Watched, commands: ReadonlyArray<Command>, generation: number) {
  const book = yield* Book
  const { outcome, words: what } = yield* tellAll(host, commands, generation)
  yield* say(host, outcome, what, host.report.told)
  const told: Told = {
    at: DateTime.formatIso(yield* DateTime.now),
    generation,
    outcome: outcome._tag,
    words: outcome._tag === "Done" ? what : outcome.error
  }
  const attempts = host.attempts + 1
  const notBefore = (yield* steadyMillis) + (yield* waitAfter(outcome, attempts))
  yield* book.change(host.hostId, (now) => {
    const after = { ...now, report: { ...now.report, told } }
    // Ordered otherwise meanwhile: what came of the old order holds up nothing.
    if (now.standing?.order.generation !== generation) return after
    return {
      ...after,
      attempts,
      notBefore,
      told: { generation, serial: now.heard?.serial ?? 0, outcome: outcome._tag }
    }
  })
})

/** For as long as the master lives. */
export const reconcile = Effect.fnUntraced(function* (hostId: HostId) {
  const book = yield* Book
  while (true) {
    const host = yield* book.find(hostId)
    const woken = Queue.take(host.wake)
    const step = next(host, yield* steadyMillis)
    if (step._tag === "Idle") yield* woken
    else if (step._tag === "Wait") yield* Effect.raceFirst(Effect.sleep(step.millis), woken)
    else if (host.standing !== undefined) yield* tell(host, step.commands, host.standing.order.generation)
  }
}, Effect.orDie)
