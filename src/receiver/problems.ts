/** Refusals on the wire: RFC 9457 problem documents, the same shape for every route. */
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { Sha256 } from "../domain/names.ts"
import {
  header,
  PROBLEM_MEDIA_TYPE,
  type Problem,
  type ProblemName,
  problems,
  problemType
} from "../domain/protocol.ts"

/** Seconds after which trying again makes sense, where the problem itself does not say. */
const RETRY_AFTER: Partial<Record<ProblemName, number>> = {
  "too-many-uploads": 5,
  unavailable: 30,
  "commit-unknown": 5,
  "disk-full": 60
}

export const statusOf = ({ problem }: Problem): number => problems[problem].status

export const problemDocument = (problem: Problem) => ({
  type: problemType(problem.problem),
  title: problems[problem.problem].title,
  status: statusOf(problem),
  detail: problem.error,
  error: problem.error,
  ...(problem.remediation === undefined ? {} : { remediation: problem.remediation }),
  ...problem.members
})

export const respondProblem = (
  problem: Problem,
  headers: Readonly<Record<string, string>> = {}
): HttpServerResponse.HttpServerResponse => {
  const retryAfter = problem.retryAfter ?? RETRY_AFTER[problem.problem]
  return HttpServerResponse.text(JSON.stringify(problemDocument(problem)), {
    status: statusOf(problem),
    contentType: PROBLEM_MEDIA_TYPE,
    headers: {
      ...headers,
      [header.problem]: problem.problem,
      ...(retryAfter === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(retryAfter))) }),
      ...(problem.problem === "unauthenticated" ? { "www-authenticate": 'Bearer realm="cis490"' } : {})
    }
  })
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
