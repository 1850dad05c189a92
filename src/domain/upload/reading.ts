/**
 * What an answer means for a resumable upload that is under way, as its sender reads it. Whatever is an answer to the episode itself is
 * `Final` and judged like the answer to a PUT; the rest is about the transfer, and blamed on no episode.
 */
import * as Predicate from "effect/Predicate"
import { type ProblemName, problemType } from "../protocol.ts"
import type { Reply } from "../verdict.ts"
import {
  offsetMember,
  parseComplete,
  parseLength,
  parseOffset,
  parseUploadLimit,
  type UploadLimit,
  uploadHeader,
  uploadProblemType
} from "./fields.ts"

export interface Answer extends Reply {
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
}

export type Reading =
  /** The answer that a PUT would have got. */
  | { readonly _tag: "Final" }
  /** There is an upload to append to. */
  | { readonly _tag: "Begun"; readonly url: string; readonly limit: UploadLimit | undefined }
  /** So many bytes are the receiver's. */
  | { readonly _tag: "At"; readonly offset: number; readonly limit: UploadLimit | undefined }
  /** The append was too large for something on the way. */
  | { readonly _tag: "Smaller" }
  /** Nobody can tell from this: the offset has to be asked for. */
  | { readonly _tag: "Ask" }
  /** There is no such upload any more, or none that can be finished. */
  | { readonly _tag: "Gone" }
  /** Whoever answers here does not know resumable uploads. */
  | { readonly _tag: "NoDraft" }

const FINAL: Reading = { _tag: "Final" }
const SMALLER: Reading = { _tag: "Smaller" }
const ASK: Reading = { _tag: "Ask" }
const GONE: Reading = { _tag: "Gone" }
const NO_DRAFT: Reading = { _tag: "NoDraft" }

/** By status: what it means from the receiver, and from anybody else. */
type Row = readonly [own: Reading, foreign: Reading]
interface Table {
  readonly byStatus: Readonly<Record<number, Row>>
  /** Of the other 4xx; all that is neither in here nor a 4xx is final. */
  readonly refused: Row
}

/** Said to any of the three requests. */
const EVERYWHERE: Readonly<Record<number, Row>> = {
  401: [FINAL, FINAL],
  405: [NO_DRAFT, NO_DRAFT],
  407: [FINAL, FINAL],
  429: [FINAL, FINAL],
  501: [NO_DRAFT, NO_DRAFT]
}

const CREATION: Table = {
  byStatus: { ...EVERYWHERE, 404: [NO_DRAFT, NO_DRAFT], 408: [FINAL, FINAL], 425: [FINAL, FINAL] },
  refused: [FINAL, NO_DRAFT]
}
const TRANSFER: Readonly<Record<number, Row>> = {
  ...EVERYWHERE,
  404: [GONE, FINAL],
  408: [ASK, ASK],
  410: [GONE, FINAL],
  425: [ASK, ASK]
}
const APPEND: Table = {
  byStatus: { ...TRANSFER, 403: [FINAL, NO_DRAFT], 413: [SMALLER, SMALLER] },
  refused: [GONE, NO_DRAFT]
}
const OFFSET: Table = { byStatus: { ...TRANSFER, 403: [FINAL, FINAL] }, refused: [GONE, FINAL] }

const OF_THE_DRAFT: ReadonlySet<unknown> = new Set(Object.values(uploadProblemType))

const typesOf = (...names: ReadonlyArray<ProblemName>): ReadonlySet<unknown> => new Set(names.map(problemType))
/** A request that did not come as it was sent, as when something on the way leaves out its fields. */
const UNREADABLE = typesOf("bad-request", "bad-digest", "length-required", "no-partial-upload")
const NO_UPLOAD = typesOf("no-upload")

const typeIn = ({ body }: Answer): unknown => (Predicate.isObject(body) ? body.type : undefined)
const isOfTheDraft = (answer: Answer): boolean => OF_THE_DRAFT.has(typeIn(answer))
/** Refuses the way of sending, and says nothing of the episode: a plain PUT may fare better. */
const isOfTheTransfer = (answer: Answer, ...more: ReadonlyArray<ReadonlySet<unknown>>): boolean =>
  isRefusal(answer) && [UNREADABLE, ...more].some((types) => types.has(typeIn(answer)))
const isOwn = (answer: Answer): boolean =>
  (Predicate.isObject(answer.body) && Predicate.isString(answer.body.error)) || isOfTheDraft(answer)

const isRefusal = ({ status }: Answer): boolean => status >= 400 && status < 500

const lookUp = ({ byStatus, refused }: Table, answer: Answer): Reading => {
  const { status } = answer
  const [own, foreign] = byStatus[status] ?? (isRefusal(answer) ? refused : [FINAL, FINAL])
  return isOwn(answer) ? own : foreign
}

const succeeded = ({ status }: Answer): boolean => status >= 200 && status < 300

const fieldsOf = ({ headers }: Answer) => ({
  complete: parseComplete(headers[uploadHeader.complete]),
  offset: parseOffset(headers[uploadHeader.offset]),
  length: parseLength(headers[uploadHeader.length]),
  limit: parseUploadLimit(headers[uploadHeader.limit])
})

/** Where an upload lies, if that is where we asked for it: a token of ours goes nowhere else. */
export const uploadUrl = (location: string | undefined, asked: string): string | undefined => {
  const base = URL.parse(asked)
  const url = location === undefined || base === null ? null : URL.parse(location, base.href)
  if (url === null || base === null || url.origin !== base.origin || !/^https?:$/.test(url.protocol)) return undefined
  return url.username === "" && url.password === "" ? url.href : undefined
}

/** Of the answer to the request that makes an upload; `asked` is the URL that it went to. */
export const readCreation = (answer: Answer, asked: string): Reading => {
  const { complete, limit } = fieldsOf(answer)
  // Said to be complete or not: the receiver says so of whatever it will refuse again.
  if (isOfTheTransfer(answer, OF_THE_DRAFT, NO_UPLOAD)) return NO_DRAFT
  if (complete === true || (succeeded(answer) && isReceipt(answer))) return FINAL
  if (!succeeded(answer)) return isOfTheDraft(answer) ? NO_DRAFT : lookUp(CREATION, answer)
  const url = answer.status === 201 ? uploadUrl(answer.headers.location, asked) : undefined
  return url === undefined ? NO_DRAFT : { _tag: "Begun", url, limit }
}

const isReceipt = ({ body }: Answer): boolean => Predicate.isObject(body) && Predicate.isString(body.content_sha256)

/** What was appended: everything before `end`, which is all there is when `last`. */
export interface Appended {
  readonly end: number
  readonly last: boolean
}

const expectedIn = ({ body }: Answer): number | undefined => {
  const expected = Predicate.isObject(body) ? body[offsetMember.expected] : undefined
  return Predicate.isNumber(expected) && Number.isSafeInteger(expected) && expected >= 0 ? expected : undefined
}

/** Of the answer to an append. */
export const readAppend = (answer: Answer, { end, last }: Appended): Reading => {
  const { complete, limit, offset } = fieldsOf(answer)
  if (isOfTheTransfer(answer)) return NO_DRAFT
  if (isRefusal(answer) && NO_UPLOAD.has(typeIn(answer))) return GONE
  const ofTheDraft = isOfTheDraft(answer)
  if ((complete === true && !ofTheDraft) || (succeeded(answer) && isReceipt(answer))) return FINAL
  if (succeeded(answer)) {
    // A 2xx that says nothing of the upload is somebody else's.
    if (complete === undefined && offset === undefined) return FINAL
    return { _tag: "At", offset: offset ?? end, limit }
  }
  if (answer.status === 409 && (offset !== undefined || typeIn(answer) === uploadProblemType.mismatchingOffset)) {
    const expected = offset ?? expectedIn(answer)
    return expected === undefined ? ASK : { _tag: "At", offset: expected, limit }
  }
  // Something on the way may have left out the field.
  const aboutTheEpisode = last && complete === undefined && isOwn(answer) && !ofTheDraft
  return aboutTheEpisode && APPEND.byStatus[answer.status] === undefined ? FINAL : lookUp(APPEND, answer)
}

/** Of the answer to the question how far an upload of `bytes` is. */
export const readOffset = (answer: Answer, bytes: number): Reading => {
  if (!succeeded(answer)) return lookUp(OFFSET, answer)
  const { complete, length, limit, offset } = fieldsOf(answer)
  if (offset === undefined) return FINAL
  // Its last answer was lost; whoever asks for the episode anew hears what became of it.
  if (complete === true || offset > bytes || (length !== undefined && length !== bytes)) return GONE
  return { _tag: "At", offset, limit }
}
