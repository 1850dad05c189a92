/** What arrived, held against what was announced. */
import * as Effect from "effect/Effect"
import type { Sha256 } from "../domain/names.ts"
import type { Problem } from "../domain/protocol.ts"
import type { Archive, ArchiveFault, ArchiveReport } from "./archive.ts"
import type { Announcement } from "./questions.ts"

/** The whole body went by. */
export interface Arrived {
  readonly sha256: Sha256
  /** What the archive check said before its end. */
  readonly fault: ArchiveFault | undefined
}

export const refusal = ({ error, limitBytes, problem }: ArchiveFault): Problem => ({
  problem,
  error,
  ...(limitBytes === undefined ? {} : { members: { limit_bytes: limitBytes } })
})

export const mismatch = (what: string, came: Sha256, announced: Sha256): Problem => ({
  problem: "digest-mismatch",
  error: `digest mismatch: ${what} that came has SHA-256 ${came}, announced was ${announced}`
})

/** What of the report contradicts what was announced. */
const contradiction = (report: ArchiveReport, announced: Announcement, checkCommit: boolean): Problem | undefined => {
  if (announced.contentSha256 !== undefined && report.contentSha256 !== announced.contentSha256) {
    return mismatch("content", report.contentSha256, announced.contentSha256)
  }
  if (checkCommit && report.metaCommit !== announced.commit) {
    const says = report.metaCommit === undefined ? "names none" : `says ${report.metaCommit}`
    return {
      problem: "invalid-archive",
      error: `invalid archive: commit in meta.json's code_version ${says}, X-Cis490-Code-Commit says ${announced.commit}`
    }
  }
  return undefined
}

/** What the archive holds, when all of it is as announced. Damage on the way comes first: it is never blamed on the archive. */
export const checkedReport = Effect.fnUntraced(function* (
  arrived: Arrived,
  archive: Archive,
  announced: Announcement,
  checkCommit: boolean
) {
  if (arrived.sha256 !== announced.sha256)
    return yield* Effect.fail(mismatch("the body", arrived.sha256, announced.sha256))
  if (arrived.fault !== undefined) return yield* Effect.fail(refusal(arrived.fault))
  const report = yield* Effect.mapError(archive.end, refusal)
  const problem = contradiction(report, announced, checkCommit)
  return problem === undefined ? report : yield* Effect.fail(problem)
})
