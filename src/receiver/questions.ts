/**
 * What is asked about an upload before a byte of its body is read, in the order of the contract: names and headers, already
 * there, gate, size and disk. (Who asks comes before, how many at once after.)
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { parseReprDigest } from "../domain/digest.ts"
import { type Commit, isCommit, isSha256, type Sha256 } from "../domain/names.ts"
import { header, type Problem, type StoredAnswer } from "../domain/protocol.ts"
import { Dataset, type Standing } from "./Dataset.ts"
import { Gate } from "./gate.ts"
import { Limits } from "./limits.ts"
import { otherContent, storedCopyLost } from "./problems.ts"
import { answerOf, isFull, isOf } from "./rows.ts"
import type { Names } from "./target.ts"

/** What the headers say will come. */
export interface Announcement extends Names {
  /** Of the tarball. */
  readonly bytes: number
  /** Of the tarball. */
  readonly sha256: Sha256
  readonly contentSha256: Sha256 | undefined
  readonly commit: Commit | undefined
}

/** Field names in lower case. A field that came twice has both values, joined with a comma, so that it is never well formed. */
export type Fields = Readonly<Record<string, string | undefined>>

/** Code that names no commit is as old as code whose commit is out of the window: the mend is the same. */
export type CommitRule = Pick<Gate["Service"], "enabled" | "remediation">

export const lengthIn = (fields: Fields): Result.Result<number, Problem> => {
  const field = fields["content-length"]
  return field !== undefined && fields["transfer-encoding"] === undefined && /^\d+$/.test(field)
    ? Result.succeed(Number(field))
    : Result.fail({
        problem: "length-required",
        error: "the request does not say how long its body is",
        remediation: "send Content-Length, not Transfer-Encoding: chunked"
      })
}

const bodyDigestIn = (fields: Fields): Result.Result<Sha256, Problem> => {
  const field = fields[header.reprDigest]
  const sha256 = field === undefined ? undefined : parseReprDigest(field)
  return sha256 === undefined
    ? Result.fail({
        problem: "bad-digest",
        error: field === undefined ? "missing Repr-Digest header" : "malformed Repr-Digest header",
        remediation: "send `Repr-Digest: sha-256=:<base64>:` of the body (RFC 9530), once"
      })
    : Result.succeed(sha256)
}

const missingCommit = ({ remediation }: CommitRule): Problem => ({
  problem: "missing-commit",
  error: "missing X-Cis490-Code-Commit header",
  remediation
})

const commitIn = (fields: Fields, gate: CommitRule): Result.Result<Commit | undefined, Problem> => {
  const field = fields[header.codeCommit]
  const { remediation } = gate
  if (field === undefined) return gate.enabled ? Result.fail(missingCommit(gate)) : Result.succeed(undefined)
  const error =
    "malformed X-Cis490-Code-Commit header: it takes the 40 lower-case hexadecimal digits of one commit, once"
  return isCommit(field) ? Result.succeed(field) : Result.fail({ problem: "bad-commit", error, remediation })
}

const contentDigestIn = (fields: Fields): Result.Result<Sha256 | undefined, Problem> => {
  const field = fields[header.contentSha256]
  return field === undefined || isSha256(field)
    ? Result.succeed(field)
    : Result.fail({
        problem: "bad-digest",
        error: "malformed X-Cis490-Content-Sha256 header",
        remediation: "send the 64 lower-case hexadecimal digits of one SHA-256, once, or leave it out"
      })
}

/** `bytesIn` says where it is said how long the tarball is. */
export const announcementIn = (
  names: Names,
  fields: Fields,
  gate: CommitRule,
  bytesIn: (fields: Fields) => Result.Result<number, Problem> = lengthIn
): Result.Result<Announcement, Problem> =>
  Result.gen(function* () {
    return {
      ...names,
      bytes: yield* bytesIn(fields),
      sha256: yield* bodyDigestIn(fields),
      commit: yield* commitIn(fields, gate),
      contentSha256: yield* contentDigestIn(fields)
    }
  })

export type Reply =
  | { readonly _tag: "Known"; readonly answer: StoredAnswer }
  /** The body has to be read. `isNew` unless it can only meet, or bring back, what was accepted: the gate is asked about it. */
  | { readonly _tag: "Wanted"; readonly isNew: boolean }

/** Whatever the window says today: an answer that was lost must not turn into a refusal. */
export const alreadyThere = (standing: Standing, announced: Announcement): Result.Result<Reply, Problem> => {
  if (standing._tag === "Absent") return Result.succeed({ _tag: "Wanted", isNew: true })
  // Which content it is only the body can tell, and that the stored file stays.
  if (standing._tag === "Unindexed") return Result.succeed({ _tag: "Wanted", isNew: false })
  if (standing._tag === "Withdrawn") {
    return Result.succeed({ _tag: "Wanted", isNew: !isOf(standing.row, announced) })
  }
  const { row } = standing
  const stored = { sha256: row.sha256, contentSha256: row.content_sha256 }
  const isSame = isOf(row, announced)
  if (standing._tag === "Lost") {
    const isOther = announced.contentSha256 !== undefined && isFull(row)
    return isOther && !isSame
      ? Result.fail(storedCopyLost(stored, announced))
      : Result.succeed({ _tag: "Wanted", isNew: false })
  }
  if (isSame) {
    return Result.succeed({ _tag: "Known", answer: answerOf("already_present", row, announced.contentSha256) })
  }
  return announced.contentSha256 === undefined && isFull(row)
    ? // Which content this is only the body can tell.
      Result.succeed({ _tag: "Wanted", isNew: false })
    : Result.fail(otherContent(stored, announced))
}

export const tooLarge = (bytes: number, limit: number): Problem => ({
  problem: "too-large",
  error: `the body has ${bytes} bytes, the receiver takes at most ${limit} here`,
  members: { limit_bytes: limit }
})

export const unlessTrouble = (trouble: string | undefined): Problem | undefined =>
  trouble === undefined ? undefined : { problem: "unavailable", error: trouble }

export const refuseIf = (problem: Problem | undefined): Effect.Effect<void, Problem> =>
  problem === undefined ? Effect.void : Effect.fail(problem)

/** `roomFor` says whether the disk takes so many bytes. */
export const ask = Effect.fnUntraced(function* (
  announced: Announcement,
  roomFor: (bytes: number) => Effect.Effect<void, Problem>
) {
  const dataset = yield* Dataset
  const gate = yield* Gate
  const limits = yield* Limits
  const standing = yield* dataset.standing(announced.hostId, announced.episodeId)
  const reply = yield* Effect.fromResult(alreadyThere(standing, announced))
  if (reply._tag === "Known") return reply
  if (reply.isNew && gate.enabled) {
    // An upload may have begun before the gate was switched on.
    yield* announced.commit === undefined ? Effect.fail(missingCommit(gate)) : gate.admit(announced.commit)
  }
  if (announced.bytes > limits.maxEpisodeBytes) {
    return yield* Effect.fail(tooLarge(announced.bytes, limits.maxEpisodeBytes))
  }
  yield* refuseIf(unlessTrouble(yield* dataset.trouble))
  yield* roomFor(announced.bytes)
  return reply
})
