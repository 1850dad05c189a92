/** The daemon: scan with its sweep, cleanup, check-in and watchdog as scheduled fibers. A defect in any of them ends the process. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { backoffSeconds } from "../domain/backoff.ts"
import { Notify } from "../services/Notify.ts"
import { wordsOf } from "../systemError.ts"
import { turnPage } from "./calendar.ts"
import { checkIn } from "./checkin.ts"
import { cleanup } from "./cleanup.ts"
import { noteInFlight } from "./inFlight.ts"
import { Link } from "./Link.ts"
import { noteTrouble } from "./lastWords.ts"
import { sweep } from "./outbox.ts"
import { plannedWait } from "./Progress.ts"
import { type PassResult, runPass, showsWell } from "./pass.ts"
import type { Stop } from "./run.ts"
import { makeTeller, type Teller } from "./standing.ts"
import { watchdog } from "./watchdog.ts"

/** When the daemon does what. Seconds. */
export class Cadence extends Context.Service<
  Cadence,
  {
    readonly scanIntervalSeconds: number
    readonly backoffSeconds: ReadonlyArray<number>
    /** 0 = never. */
    readonly checkinIntervalSeconds: number
    readonly cleanupIntervalSeconds: number
  }
>()("cis490/shipper/Cadence") {}

/** However short an interval is configured, the host is not kept busy with looking. */
const SHORTEST_WAIT_MILLIS = 100

/** Says a trouble once, and again every hour while it lasts. */
const makeOnceAnHour = () => {
  let last: { readonly text: string; readonly nanos: bigint } | undefined
  return {
    say: Effect.fnUntraced(function* (text: string, say: Effect.Effect<void>) {
      const nanos = yield* Clock.monotonicTimeNanos
      if (last?.text === text && nanos - last.nanos < 3_600_000_000_000n) return
      last = { text, nanos }
      yield* say
    }),
    over: () => {
      const was = last !== undefined
      last = undefined
      return was
    }
  }
}

const sayStop = (stop: Stop) =>
  Effect.logError(`nothing is being shipped: ${stop.error}`).pipe(
    Effect.annotateLogs({ ...(stop.status !== 0 && { status: stop.status }), mend: "cis490-shipper doctor" })
  )

/** A pass that could not even list the episodes is a stopped one. */
const passOrStop = (onStop: (stop: Stop) => Effect.Effect<void>) =>
  runPass("in turns", onStop).pipe(
    Effect.catchTag("PlatformError", (error) =>
      Effect.as(noteTrouble(wordsOf(error)), {
        counts: { scanned: 0, shipped: 0, transient_failures: 0, conflicts: 0, fatal: 0 },
        left: 0,
        stop: { error: `this host: ${wordsOf(error)}`, status: 0, retryAfter: undefined },
        closed: undefined,
        cut: false,
        handedBack: false
      } satisfies PassResult)
    )
  )

/** How long until the next pass, in seconds. */
const pauseAfter = Effect.fnUntraced(function* ({ cut, handedBack, stop }: PassResult, failures: number) {
  const cadence = yield* Cadence
  if (stop === undefined) return cut || handedBack ? 0 : cadence.scanIntervalSeconds
  // Not the larger of the two: all who were told the same would come back together.
  return (stop.retryAfter ?? 0) + backoffSeconds(cadence.backoffSeconds, failures, yield* Random.next)
})

const sayClosed = ({ waiting, why }: NonNullable<PassResult["closed"]>) =>
  Effect.logInfo(`nothing is sent: ${why.words}`).pipe(Effect.annotateLogs({ waiting }))

const scan = Effect.fnUntraced(function* ({ passed }: Teller, sweepAgain: Sweeping) {
  const link = yield* Link
  const trouble = makeOnceAnHour()
  const sayOnce = (stop: Stop) => trouble.say(stop.error, sayStop(stop))
  let failures = 0
  while (true) {
    const result = yield* passOrStop(sayOnce)
    const { closed, counts, handedBack, stop } = result
    // An upload that got on is a success too: beside an episode that stops every pass it would soon send one append in five minutes.
    failures = stop === undefined ? 0 : counts.shipped > 0 || handedBack ? 1 : failures + 1
    if (stop !== undefined) yield* sayOnce(stop)
    else if (closed === undefined && showsWell(result) && trouble.over()) yield* Effect.logInfo("shipping again")
    yield* passed(result)
    yield* plannedWait(Math.max(SHORTEST_WAIT_MILLIS, (yield* pauseAfter(result, failures)) * 1000))
    if (closed !== undefined) {
      yield* sayClosed(closed)
      yield* link.opened
    }
    yield* sweepAgain
  }
})

/** What is swept belongs to no episode any more; what cannot be removed is tried again, and said as `say` says it. */
const sweeping = (say: (text: string, say: Effect.Effect<void>) => Effect.Effect<void>) =>
  sweep.pipe(
    Effect.catchTag("PlatformError", (error) => Effect.succeed([wordsOf(error)])),
    Effect.flatMap((failed) => {
      const words = `cannot be swept: ${failed.join("; ").slice(0, 1000)}`
      return failed.length === 0 ? Effect.void : say(words, Effect.logWarning(words))
    })
  )
type Sweeping = ReturnType<typeof sweeping>
const alwaysSay = (_: string, say: Effect.Effect<void>) => say

const calendarPage = turnPage.pipe(
  Effect.catchTag("PlatformError", (error) => Effect.logWarning(`cannot note the time of this pass: ${wordsOf(error)}`))
)

/** So often it is also swept where a pass, or the wait for the next one, goes on for long. */
const CLEANUP_LOOK_SECONDS = 60

/** Hosts that were started together do not go on checking in together: up to this part of the interval earlier. */
const CHECKIN_SPREAD = 0.1

const checkins = Effect.gen(function* () {
  const { checkinIntervalSeconds } = yield* Cadence
  if (checkinIntervalSeconds === 0) return
  const link = yield* Link
  const trouble = makeOnceAnHour()
  while (true) {
    yield* link.unrestrained
    const { error, ok, status_code } = yield* checkIn
    if (ok) trouble.over()
    else {
      const words = error ?? "no reason given"
      yield* trouble.say(
        words,
        Effect.logWarning(`check-in failed: ${words}`).pipe(Effect.annotateLogs({ status: status_code }))
      )
    }
    const millis = checkinIntervalSeconds * 1000 * (1 - CHECKIN_SPREAD * (yield* Random.next))
    yield* Effect.sleep(Math.max(SHORTEST_WAIT_MILLIS, millis))
  }
})

/** Does something, waits, and does it again. */
const every = <E, R>(seconds: number, effect: Effect.Effect<void, E, R>) =>
  Effect.forever(Effect.andThen(effect, Effect.sleep(Math.max(SHORTEST_WAIT_MILLIS, seconds * 1000))), {
    disableYield: true
  })

/** Runs until it is interrupted. The data root is held and prepared. */
export const daemon = Effect.gen(function* () {
  const { cleanupIntervalSeconds } = yield* Cadence
  const notify = yield* Notify
  const teller = yield* makeTeller
  const sweepAgain = sweeping(makeOnceAnHour().say)
  yield* calendarPage
  yield* sweepAgain
  yield* notify.send("READY=1")
  yield* Effect.logInfo("started")
  yield* Effect.all(
    [
      scan(teller, sweepAgain),
      noteInFlight(teller.tell),
      every(
        Math.min(Math.max(cleanupIntervalSeconds, 1), CLEANUP_LOOK_SECONDS),
        Effect.all([calendarPage, sweepAgain, cleanup], { discard: true })
      ),
      checkins,
      watchdog,
      Effect.onInterrupt(Effect.never, () => Effect.andThen(notify.send("STOPPING=1"), Effect.logInfo("stopping")))
    ],
    { concurrency: "unbounded", discard: true }
  )
})

/** One pass, in order: sweep, clean, ship. */
export const once = Effect.gen(function* () {
  yield* calendarPage
  yield* sweeping(alwaysSay)
  yield* cleanup
  const trouble = makeOnceAnHour()
  const pass = runPass("to the end", (stop) => trouble.say(stop.error, sayStop(stop)))
  const result = yield* Effect.raceFirst(pass, noteInFlight(Effect.void))
  if (result.closed !== undefined) yield* sayClosed(result.closed)
  return result
})
