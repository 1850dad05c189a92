/**
 * What the other side decided about an episode, as a value. `judge` is the inverse of the receiver's answers: whose answer it is
 * comes first, so that nothing a proxy says is ever blamed on an episode or believed to be a receipt.
 */
import * as Predicate from "effect/Predicate"
import type { EpisodeId, HostId, Sha256 } from "./names.ts"
import { problemType, type StoredAnswer } from "./protocol.ts"
import type { ReasonName } from "./reason.ts"

/** What we sent, to compare the answer with. */
export interface Sent {
  readonly hostId: HostId
  readonly episodeId: EpisodeId
  readonly sha256: Sha256
  readonly contentSha256: Sha256
}

export interface Reply {
  readonly status: number
  /** Of the `Retry-After` field, as it came. */
  readonly retryAfter: string | undefined
  /** The body as JSON; `undefined` when it is none, or too long to be the receiver's. */
  readonly body: unknown
}

/** How far a trouble reaches: this episode only, the pass when three different episodes meet it running, or the pass at once. */
export type Reach = "episode" | "three-running" | "pass"

/** What makes an answer a receipt; whatever else it says is kept as it came. */
export type Acknowledgement = Required<Pick<StoredAnswer, "status" | "host_id" | "episode_id" | "content_sha256">>

export type Verdict =
  | { readonly _tag: "Shipped"; readonly answer: Acknowledgement }
  | {
      readonly _tag: "Conflict"
      readonly storedSha256: string
      readonly yourSha256: string
      readonly error: string
      readonly remediation: string | undefined
      readonly body: unknown
    }
  | {
      readonly _tag: "Rejected"
      readonly status: number
      readonly reason: ReasonName
      readonly error: string
      readonly remediation: string | undefined
      readonly body: unknown
    }
  | { readonly _tag: "DamagedOnTheWay"; readonly status: number; readonly error: string; readonly body: unknown }
  | { readonly _tag: "NotLetIn"; readonly status: number; readonly error: string }
  | {
      readonly _tag: "Transient"
      readonly status: number
      readonly error: string
      readonly reach: Reach
      /** Whether the other side was there at all: only then the episode may have had a part in it. */
      readonly reached: boolean
      /** Seconds to wait, when the other side said so. */
      readonly retryAfter: number | undefined
    }

/** `Retry-After` is obeyed up to an hour. */
export const MAX_RETRY_AFTER_S = 3600

/** Seconds to wait: the field is a number of seconds or an HTTP date (RFC 9110, section 10.2.3). */
export const parseRetryAfter = (field: string | undefined, nowMillis: number): number | undefined => {
  if (field === undefined) return undefined
  const date = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(field.trim())
    ? Date.parse(field)
    : Number.NaN
  const seconds = /^\d+$/.test(field.trim()) ? Number(field) : (date - nowMillis) / 1000
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), MAX_RETRY_AFTER_S)
}

const NOT_LET_IN: ReadonlySet<number> = new Set([401, 403, 404, 405, 407])
const STOPS_THE_PASS: ReadonlySet<number> = new Set([429, 502, 503, 504, 507])
const REJECTED_AS: Readonly<Record<number, ReasonName>> = {
  400: "bad_request",
  412: "out_of_window",
  413: "too_large",
  422: "invalid_archive"
}

const text = (value: unknown): string | undefined => (Predicate.isString(value) ? value : undefined)

const LONGEST_ERROR = 1000

/** One line of a length that can be read: what answers may say anything. The whole of it is kept in `body`. */
const oneLine = (error: string): string => {
  const line = error.replaceAll(/\s+/g, " ").trim()
  return line.length > LONGEST_ERROR ? `${line.slice(0, LONGEST_ERROR)} …` : line
}

const isStoredAnswer = (body: unknown, sent: Sent): body is Acknowledgement =>
  Predicate.isObject(body) &&
  (body.status === "stored" || body.status === "already_present") &&
  body.host_id === sent.hostId &&
  body.episode_id === sent.episodeId &&
  body.content_sha256 === sent.contentSha256

const transient = (reply: Reply, error: string, reach: Reach, nowMillis: number): Verdict => ({
  _tag: "Transient",
  status: reply.status,
  error,
  reach,
  reached: true,
  retryAfter: parseRetryAfter(reply.retryAfter, nowMillis)
})

export const judge = (reply: Reply, sent: Sent, nowMillis: number): Verdict => {
  const { status, body } = reply
  const ours = Predicate.isObject(body) && Predicate.isString(body.error) ? body : undefined
  const error = oneLine(text(ours?.error) ?? `HTTP status ${status} that is not the receiver's own`)
  const notLetIn: Verdict = { _tag: "NotLetIn", status, error }

  if (status >= 200 && status < 300) {
    return (status === 200 || status === 201) && isStoredAnswer(body, sent)
      ? { _tag: "Shipped", answer: body }
      : { ...notLetIn, error: `HTTP status ${status} without a receipt for this content: something else answers here` }
  }
  if (status < 400) return notLetIn
  if (status >= 500) {
    const concernsOne = status === 503 && body !== undefined && ours?.type === problemType("commit-unknown")
    const reach = concernsOne ? "episode" : STOPS_THE_PASS.has(status) ? "pass" : "three-running"
    return transient(reply, ours === undefined ? `HTTP status ${status}` : error, reach, nowMillis)
  }
  if (ours === undefined || NOT_LET_IN.has(status)) return notLetIn
  if (status === 429) return transient(reply, error, "pass", nowMillis)
  if (status === 408 || status === 425) return transient(reply, error, "three-running", nowMillis)
  if (status === 409) {
    const yourSha256 = text(ours.your_sha256)
    if (yourSha256 !== undefined && yourSha256 !== sent.sha256 && yourSha256 !== sent.contentSha256) {
      return { _tag: "DamagedOnTheWay", status, error: `409 about ${yourSha256}, which is not what was sent`, body }
    }
    return {
      _tag: "Conflict",
      storedSha256: text(ours.stored_sha256) ?? "unknown",
      yourSha256: yourSha256 ?? sent.sha256,
      error,
      remediation: text(ours.remediation),
      body
    }
  }
  if (status === 422 && error.startsWith("digest mismatch")) return { _tag: "DamagedOnTheWay", status, error, body }
  return {
    _tag: "Rejected",
    status,
    reason: REJECTED_AS[status] ?? "refused",
    error,
    remediation: text(ours.remediation),
    body
  }
}

/** Codes of a connection that stood and was then lost or broken; any other failure means there was no connection. */
const CUT: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "EPIPE",
  "HTTPParserError",
  "UND_ERR_SOCKET",
  "UND_ERR_ABORTED",
  "UND_ERR_CLOSED",
  "UND_ERR_DESTROYED",
  "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH"
])

/** Ours: the connection stood, and nothing moved any more. */
export const SILENCE = "SILENCE"

/**
 * Nothing answered: no connection, one that was cut, one that fell silent. `code` as Node and undici name them, or `SILENCE`;
 * `connected` when the connection stood.
 */
export const unanswered = (code: string | undefined, error: string, connected = true): Verdict => {
  const cut = connected && code !== undefined && (CUT.has(code) || code.startsWith("HPE_"))
  const reach = cut ? "three-running" : "pass"
  return { _tag: "Transient", status: 0, error, reach, reached: cut || code === SILENCE, retryAfter: undefined }
}

/** Whether it is about `SILENCE`: of what nobody answered, nothing else was reached and stops the pass. */
export const isSilence = (verdict: Verdict): boolean =>
  verdict._tag === "Transient" && verdict.status === 0 && verdict.reached && verdict.reach === "pass"
