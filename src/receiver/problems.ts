/** Refusals on the wire: RFC 9457 problem documents, the same shape for every route. */
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import type { Sha256 } from "../domain/names.ts"
import { type Problem, type ProblemName, problems } from "../domain/protocol.ts"
import { respondRefusal } from "../http/problemDocument.ts"

/** Seconds after which trying again makes sense, where the problem itself does not say. */
const RETRY_AFTER: Partial<Record<ProblemName, number>> = {
  "too-many-uploads": 5,
  "too-many-open-uploads": 60,
  unavailable: 30,
  "commit-unknown": 5,
  "disk-full": 60
}

export const statusOf = ({ problem }: Problem): number => problems[problem].status

export const respondProblem = (
  problem: Problem,
  headers: Readonly<Record<string, string>> = {}
): HttpServerResponse => {
  const { problem: name, retryAfter = RETRY_AFTER[name], ...said } = problem
  return respondRefusal({ ...said, ...problems[name], name, retryAfter }, headers)
}

export const mistake: Problem = { problem: "internal", error: "the receiver made a mistake; its log says which" }

/** The two digests of one tarball. */
interface Digests {
  readonly sha256: Sha256
  readonly contentSha256: Sha256 | undefined
}

/** `contentSha256` of either is absent where it is not known. */
export const otherContent = (stored: Digests, yours: Digests): Problem => ({
  problem: "other-content",
  error: "other content is stored under this id, and nothing replaces what is stored",
  remediation:
    "on the lab host: `cis490-shipper resolve ID --keep-stored` (drop this one) or `--as NEW_ID` (store it beside the other)",
  members: {
    stored_sha256: stored.sha256,
    your_sha256: yours.sha256,
    ...(stored.contentSha256 === undefined ? {} : { stored_content_sha256: stored.contentSha256 }),
    ...(yours.contentSha256 === undefined ? {} : { your_content_sha256: yours.contentSha256 })
  }
})

/** Like `otherContent`, where the stored copy is gone and only its own content may come back. */
export const storedCopyLost = (stored: Digests, yours: Digests): Problem => ({
  ...otherContent(stored, yours),
  problem: "stored-copy-lost",
  error: "the copy stored under this id is missing or damaged, and this is not its content",
  remediation: "on the receiver: `cis490-receiver verify --set-aside`, then send it again"
})
