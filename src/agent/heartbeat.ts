/** Tells the master every so often what is remembered and what is there. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { Host } from "./host.ts"
import { type Heard, Master, tell } from "./Master.ts"
import { reportedState } from "./state.ts"

/** Seconds; 0 = never. */
export class Pulse extends Context.Service<Pulse, { readonly intervalSeconds: number }>()("cis490/agent/Pulse") {}

/** However short an interval is configured, the host is not kept busy. */
const SHORTEST_MILLIS = 50
/** Agents that began together do not stay together. */
const JITTER = 0.1
/** The first comes within an interval, and not before half of it: an agent that starts touches nothing. */
const FIRST = { from: 0.5, to: 1 }

/** Says when it changes, and only then: the master may be away for days. */
const say = Effect.fnUntraced(function* (heard: Heard, before: Heard["_tag"]) {
  if (heard._tag === before) return
  const { url } = yield* Master
  const log =
    heard._tag === "Taken"
      ? Effect.logInfo("the master takes our heartbeats again")
      : heard._tag === "Away"
        ? Effect.logWarning(`the master cannot be told how this host is: ${heard.words}; not said again until it can`)
        : Effect.logError(`the master refuses our heartbeats: ${heard.words}; not said again until it takes them`)
  yield* Effect.annotateLogs(log, { master: url })
})

const beat = Effect.gen(function* () {
  const { hostId, version } = yield* Host
  return yield* tell({ host_id: hostId, agent_version: version, topology: yield* reportedState })
})

const wait = (seconds: number) => Effect.sleep(Math.max(SHORTEST_MILLIS, seconds * 1000))

/** Runs until it is interrupted. */
export const heartbeats = Effect.gen(function* () {
  const { intervalSeconds } = yield* Pulse
  if (intervalSeconds === 0) return
  let before: Heard["_tag"] = "Taken"
  yield* wait(intervalSeconds * (yield* Random.nextBetween(FIRST.from, FIRST.to)))
  while (true) {
    const heard = yield* beat
    yield* say(heard, before)
    before = heard._tag
    yield* wait(intervalSeconds * (yield* Random.nextBetween(1 - JITTER, 1 + JITTER)))
  }
})
