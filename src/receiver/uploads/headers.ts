/** What an answer about an upload says of it. */
import { type Problem, type ProblemName, problems } from "../../domain/protocol.ts"
import {
  formatComplete,
  formatInteropVersion,
  formatLength,
  formatOffset,
  formatUploadLimit,
  type UploadLimit,
  uploadHeader
} from "../../domain/upload/fields.ts"
import { isFinal, type Upload } from "./Upload.ts"

type Headers = Readonly<Record<string, string>>

export const completeHeader = (complete: boolean): Headers => ({ [uploadHeader.complete]: formatComplete(complete) })

export const offsetHeader = (offset: number): Headers => ({ [uploadHeader.offset]: formatOffset(offset) })

export const limitHeader = (limit: UploadLimit): Headers => ({ [uploadHeader.limit]: formatUploadLimit(limit) })

const noStore: Headers = { "cache-control": "no-store" }

/** Of a 104. */
export const interimHeaders = (headers: Headers): Headers => ({
  ...headers,
  [uploadHeader.interopVersion]: formatInteropVersion()
})

/** How far it is. */
export const standingHeaders = (upload: Upload, limit: UploadLimit): Headers => ({
  ...offsetHeader(upload.fate === "stored" ? upload.announced.bytes : upload.offset),
  ...completeHeader(upload.fate === "stored"),
  [uploadHeader.length]: formatLength(upload.announced.bytes),
  ...limitHeader(limit),
  ...noStore
})

/** Said by the protocol of uploads, not by what the episode came to. */
const PROTOCOL: ReadonlySet<ProblemName> = new Set([
  "bad-request",
  "bad-digest",
  "inconsistent-upload-length",
  "completed-upload",
  "no-upload",
  "mismatching-upload-offset",
  "no-partial-upload"
])

/** `Upload-Complete: ?1` says that there is nothing to go on with. */
export const refusalHeaders = (problem: Problem, limit: UploadLimit, upload?: Upload): Headers => {
  const isOver = upload === undefined ? isFinal(problem) : upload.fate === "gone" && !PROTOCOL.has(problem.problem)
  return {
    ...completeHeader(isOver),
    ...(upload === undefined || upload.fate === "gone"
      ? {}
      : offsetHeader(upload.fate === "stored" ? upload.announced.bytes : upload.offset)),
    ...(problems[problem.problem].status === 413 ? limitHeader(limit) : {}),
    ...noStore
  }
}
