/** What the headers of a request about an upload say. Pure. */
import * as Result from "effect/Result"
import { parseReprDigest } from "../../domain/digest.ts"
import type { Sha256 } from "../../domain/names.ts"
import type { Problem } from "../../domain/protocol.ts"
import {
  INTEROP_VERSION,
  isPartialUpload,
  offsetMember,
  parseComplete,
  parseInteropVersion,
  parseLength,
  parseOffset,
  uploadHeader
} from "../../domain/upload/fields.ts"
import { type Announcement, announcementIn, type CommitRule, type Fields } from "../questions.ts"
import type { Names } from "../target.ts"

/** The body of one request. */
export interface Content {
  /** `undefined` where it is not said. */
  readonly bytes: number | undefined
  readonly sha256: Sha256 | undefined
}

export interface Creation extends Content {
  readonly announced: Announcement
  /** The body is the whole. */
  readonly isWhole: boolean
}

export interface Continuation extends Content {
  readonly offset: number
  /** Nothing comes behind it. */
  readonly isLast: boolean
}

/** Whether the client may be sent a 104. */
export const takesInterim = (fields: Fields): boolean =>
  parseInteropVersion(fields[uploadHeader.interopVersion]) === INTEROP_VERSION

/** Whether a PUT begins an upload: in parts, or to be resumed where it is cut, by a client that can hear of it. */
export const mayBeResumed = (fields: Fields): boolean => {
  const isWhole = parseComplete(fields[uploadHeader.complete])
  return isWhole === false || (isWhole === true && takesInterim(fields))
}

const bad = (error: string, remediation: string): Problem => ({ problem: "bad-request", error, remediation })

export const inconsistent = (
  error: string,
  remediation = "send as many bytes as Upload-Length announced, and announce the same length every time"
): Problem => ({
  problem: "inconsistent-upload-length",
  error,
  remediation
})

const contentDigestIn = (fields: Fields): Result.Result<Sha256 | undefined, Problem> => {
  const field = fields[uploadHeader.contentDigest]
  // A digest of another kind may be ignored (RFC 9530, section 2).
  if (field === undefined || !/(^|,)\s*sha-256\s*=/.test(field)) return Result.succeed(undefined)
  const sha256 = parseReprDigest(field)
  return sha256 === undefined
    ? Result.fail({
        problem: "bad-digest",
        error: "malformed Content-Digest header",
        remediation:
          "send `Content-Digest: sha-256=:<base64>:` of this request's body (RFC 9530), once, or leave it out"
      })
    : Result.succeed(sha256)
}

const bytesIn = (fields: Fields): number | undefined => {
  if (fields["transfer-encoding"] !== undefined) return undefined
  const field = fields["content-length"] ?? "0"
  return /^\d+$/.test(field) ? Number(field) : undefined
}

const contentIn = (fields: Fields): Result.Result<Content, Problem> =>
  Result.map(contentDigestIn(fields), (sha256) => ({ bytes: bytesIn(fields), sha256 }))

const completeIn = (fields: Fields): Result.Result<boolean, Problem> => {
  const complete = parseComplete(fields[uploadHeader.complete])
  return complete === undefined
    ? Result.fail(
        bad(
          "missing or malformed Upload-Complete header",
          "send `Upload-Complete: ?1` when nothing comes behind this body, else `?0`"
        )
      )
    : Result.succeed(complete)
}

/** Of the whole, said twice or once. */
const wholeIn = (fields: Fields, isWhole: boolean, { bytes }: Content): Result.Result<number, Problem> => {
  const said = parseLength(fields[uploadHeader.length])
  const length = said ?? (isWhole ? bytes : undefined)
  if (length === undefined) {
    return Result.fail({
      problem: "length-required",
      error: "the request does not say how long the whole upload is",
      remediation: "send Upload-Length: the bytes of the whole"
    })
  }
  const fits = bytes === undefined || (isWhole ? bytes === length : bytes <= length)
  return fits
    ? Result.succeed(length)
    : Result.fail(inconsistent(`Upload-Length says ${length} bytes, and ${bytes} come in this request`))
}

export const creationIn = (names: Names, fields: Fields, gate: CommitRule): Result.Result<Creation, Problem> =>
  Result.gen(function* () {
    const isWhole = yield* completeIn(fields)
    const content = yield* contentIn(fields)
    const announced = yield* announcementIn(names, fields, gate, () => wholeIn(fields, isWhole, content))
    return { announced, isWhole, ...content }
  })

/** Draft versions before -04 sent appends without a type. */
const isAppend = (fields: Fields): boolean =>
  fields["content-type"] === undefined || isPartialUpload(fields["content-type"])

const noPart: Problem = {
  problem: "no-partial-upload",
  error: "the Content-Type of an append is application/partial-upload",
  remediation: "send `Content-Type: application/partial-upload`"
}

export const continuationIn = (fields: Fields): Result.Result<Continuation, Problem> =>
  Result.gen(function* () {
    if (!isAppend(fields)) return yield* Result.fail(noPart)
    const isLast = yield* completeIn(fields)
    const offset = parseOffset(fields[uploadHeader.offset])
    if (offset === undefined) {
      const how = "ask for the offset with HEAD, and send `Upload-Offset` with it"
      return yield* Result.fail(bad("missing or malformed Upload-Offset header", how))
    }
    return { offset, isLast, ...(yield* contentIn(fields)) }
  })

/** Why these headers do not fit an upload of so many bytes that is at that offset; `undefined` when they do. */
export const misfit = (
  { bytes, isLast, offset }: Continuation,
  fields: Fields,
  at: number,
  whole: number
): Problem | undefined => {
  if (offset !== at) {
    return {
      problem: "mismatching-upload-offset",
      error: `the upload is at offset ${at}, and this begins at ${offset}`,
      remediation: "go on at the offset that Upload-Offset says",
      members: { [offsetMember.expected]: at, [offsetMember.provided]: offset }
    }
  }
  const said = parseLength(fields[uploadHeader.length])
  if (said !== undefined && said !== whole) {
    return inconsistent(`Upload-Length says ${said} bytes, and ${whole} were announced`)
  }
  if (bytes === undefined) return undefined
  const end = offset + bytes
  return end > whole || (isLast && end < whole)
    ? inconsistent(`with this the upload would have ${end} bytes, and ${whole} were announced`)
    : undefined
}
