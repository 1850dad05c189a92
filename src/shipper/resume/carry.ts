/**
 * Appends what is missing, one piece after the other, until the receiver has answered for the whole. A connection that is cut or falls
 * silent is a question (how much has arrived?) and no end, as long as the upload gets on.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Match from "effect/Match"
import * as Random from "effect/Random"
import { backoffSeconds } from "../../domain/backoff.ts"
import { appendWithin } from "../../domain/upload/appendSize.ts"
import type { UploadLimit } from "../../domain/upload/fields.ts"
import type { Reading } from "../../domain/upload/reading.ts"
import { unanswered, type Verdict } from "../../domain/verdict.ts"
import type { Unanswered } from "../Destination.ts"
import { Link } from "../Link.ts"
import { plannedWait } from "../Progress.ts"
import type { Parcel } from "../parcel.ts"
import { HandedBack, Turn } from "../Turn.ts"
import { Resumption } from "./Resumption.ts"
import { append, askOffset, type Step } from "./requests.ts"
import { readUploadNote } from "./uploadNote.ts"

/** Where an upload lies and how far it is, by the receiver's word. */
export interface Upload {
  readonly url: string
  readonly offset: number
  readonly limit: UploadLimit | undefined
}

/** How it came to an end: with an answer for the episode, or without the upload. */
export type End =
  | { readonly _tag: "Answered"; readonly verdict: Verdict }
  | { readonly _tag: "Gone" }
  | { readonly _tag: "NoDraft" }

export const answered = (verdict: Verdict): End => ({ _tag: "Answered", verdict })

export const verdictOf = ({ code, connected, error }: Unanswered): Verdict => unanswered(code, error, connected)

/** Attempts in a row that got nowhere, after which a later pass goes on. */
const MOST_FAILURES = 4
/** Times that the receiver may know of less than it had said. */
const MOST_SETBACKS = 3

/** What one upload has come to while it is being carried. */
interface Course {
  readonly parcel: Parcel
  readonly url: string
  limit: UploadLimit
  /** By the receiver's last word. */
  told: number
  /** From where to append; unknown after a cut. */
  at: number | undefined
  failures: number
  setbacks: number
  onTold: (offset: number) => void
}

/** One append, and what it says of the way. A cut one counts too: by the next answer it is known how much of it arrived. */
const appendNext = Effect.fnUntraced(function* (course: Course, at: number) {
  const resumption = yield* Resumption
  const { parcel, url } = course
  const size = () => appendWithin(resumption.appendBytes(), parcel.bytes - at, course.limit)
  const bytes = size()
  const began = yield* Clock.monotonicTimeNanos
  const millis = Effect.map(Clock.monotonicTimeNanos, (now) => Number(now - began) / 1e6)
  const done = yield* append(parcel, url, at, bytes).pipe(
    Effect.tapErrorTag("Unanswered", () => Effect.map(millis, (took) => resumption.appended(bytes, took, "cut")))
  )
  if (done.reading._tag === "At") resumption.appended(bytes, yield* millis, "acknowledged")
  if (done.reading._tag !== "Smaller") return done
  resumption.tooLarge(bytes)
  // The smallest there is, or the least that the receiver takes.
  return size() < bytes ? done : { ...done, reading: { _tag: "NoDraft" } satisfies Reading }
})

/** The receiver's word on how much it has. */
const hear = Effect.fnUntraced(function* (course: Course, offset: number, limit: UploadLimit | undefined) {
  const { parcel, told } = course
  if (limit !== undefined) course.limit = limit
  if (offset > told) course.failures = 0
  if (offset < told) {
    course.setbacks++
    yield* Effect.logWarning("the receiver has less of an upload than it had said; going on from there").pipe(
      Effect.annotateLogs({ episode: parcel.episodeId, had: told, has: offset })
    )
  }
  course.told = offset
  course.at = offset
  course.onTold(offset)
})

/** Got nowhere: waits before the next question, or gives up for this pass. */
const getNowhere = Effect.fnUntraced(function* (course: Course, verdict: Verdict) {
  course.at = undefined
  course.failures++
  if (course.failures > MOST_FAILURES) return answered(verdict)
  const { backoffSeconds: table } = yield* Resumption
  const seconds = backoffSeconds(table, course.failures, yield* Random.next)
  yield* Effect.logDebug("the link was cut; asking how much has arrived").pipe(
    Effect.annotateLogs({ episode: course.parcel.episodeId, offset: course.told })
  )
  yield* plannedWait(seconds * 1000)
  return undefined
})

const stuck = (error: string): Verdict => ({
  _tag: "Transient",
  status: 0,
  error,
  reach: "three-running",
  reached: true,
  retryAfter: undefined
})

/** What is done on every reading; the end, if it is one. */
const meet = (course: Course, { reading, verdict }: Step, wasAppend: boolean) =>
  Match.valueTags(reading, {
    Final: () => Effect.succeed<End | undefined>(answered(verdict)),
    Gone: () => Effect.succeed<End | undefined>({ _tag: "Gone" }),
    NoDraft: () => Effect.succeed<End | undefined>({ _tag: "NoDraft" }),
    Begun: () => Effect.succeed<End | undefined>({ _tag: "NoDraft" }),
    Smaller: () => Effect.succeed<End | undefined>(undefined),
    Ask: () => getNowhere(course, verdict),
    At: Effect.fnUntraced(function* ({ limit, offset }) {
      if (offset > course.parcel.bytes) return { _tag: "Gone" } satisfies End
      const before = course.told
      yield* hear(course, offset, limit)
      if (course.setbacks > MOST_SETBACKS) return answered(stuck("the receiver loses what it had of an upload"))
      if (!wasAppend || offset > before) return undefined
      return yield* getNowhere(course, stuck("the upload does not get on: the receiver takes no append"))
    })
  })

/** The receiver has asked this host, over whatever request, to be left alone. */
const heed = Effect.gen(function* () {
  const { restrained } = yield* Link
  for (let left = yield* restrained; left > 0; left = yield* restrained) yield* plannedWait(left * 1000)
})

/**
 * Makes way for what else the pass has to do. Only once an append has got through, so that no upload is handed back for ever, and only
 * where it is noted: on a full disk it would begin anew each time.
 */
const makeWay = Effect.fnUntraced(function* ({ parcel, told }: Course, from: number) {
  const turn = yield* Turn
  if (told <= from || !(yield* turn.isOver)) return
  if ((yield* Effect.orElseSucceed(readUploadNote(parcel), () => undefined)) === undefined) return
  const { handedBack } = yield* Resumption
  handedBack.add(parcel.episodeId)
  yield* Effect.logDebug("the upload makes way").pipe(
    Effect.annotateLogs({ episode: parcel.episodeId, offset: told, bytes: parcel.bytes })
  )
  return yield* new HandedBack()
})

/** Carries an upload to its end. Fails only when the link is closed by ourselves, or when it makes way. */
export const carry = Effect.fnUntraced(function* (parcel: Parcel, upload: Upload, onTold: (offset: number) => void) {
  const { limit = {}, offset, url } = upload
  const course: Course = { parcel, url, limit, told: offset, at: offset, failures: 0, setbacks: 0, onTold }
  onTold(offset)
  while (true) {
    yield* makeWay(course, offset)
    yield* heed
    const { at } = course
    const request = at === undefined ? askOffset(parcel, url) : appendNext(course, at)
    const end = yield* request.pipe(
      Effect.flatMap((step) => meet(course, step, at !== undefined)),
      Effect.catchTag("Unanswered", (trouble) => getNowhere(course, verdictOf(trouble)))
    )
    if (end !== undefined) return end
  }
})
