/**
 * The fields of resumable uploads, as both ends read and write them: draft-ietf-httpbis-resumable-upload in the working copy of July
 * 2026 (after -11), interop version 8. A field that is not well formed is as good as none, as the draft wants it: `undefined`.
 */
import { formatBoolean, formatInteger, parseDictionary, parseItem } from "./structuredField.ts"

/** Of the draft: both ends have to be of one version for a 104 to count. */
export const INTEROP_VERSION = 8

/** Names of the fields, in lower case. */
export const uploadHeader = {
  complete: "upload-complete",
  interopVersion: "upload-draft-interop-version",
  length: "upload-length",
  limit: "upload-limit",
  offset: "upload-offset",
  /** RFC 9530: of the body of one request. */
  contentDigest: "content-digest"
} as const

/** The status of the informational answer that says where a request can be resumed. */
export const RESUMPTION_SUPPORTED = 104

/** The media type of an append. */
export const PARTIAL_UPLOAD = "application/partial-upload"

/** The draft's problem types; `completed-upload` is of its versions up to -10 and has no successor. */
export const uploadProblemType = {
  mismatchingOffset: "https://iana.org/assignments/http-problem-types#mismatching-upload-offset",
  inconsistentLength: "https://iana.org/assignments/http-problem-types#inconsistent-upload-length",
  completedUpload: "https://iana.org/assignments/http-problem-types#completed-upload"
} as const

/** The members of a `mismatchingOffset` problem. Bytes. */
export const offsetMember = { expected: "expected-offset", provided: "provided-offset" } as const

type Field = string | undefined

const naturalIn = (field: Field): number | undefined => {
  const value = field === undefined ? undefined : parseItem(field)
  return typeof value === "number" && value >= 0 ? value : undefined
}

/** Bytes. */
export const parseOffset: (field: Field) => number | undefined = naturalIn
export const formatOffset: (bytes: number) => string = formatInteger

/** Bytes of the whole. */
export const parseLength: (field: Field) => number | undefined = naturalIn
export const formatLength: (bytes: number) => string = formatInteger

export const parseInteropVersion: (field: Field) => number | undefined = naturalIn
export const formatInteropVersion = (): string => formatInteger(INTEROP_VERSION)

export const parseComplete = (field: Field): boolean | undefined => {
  const value = field === undefined ? undefined : parseItem(field)
  return typeof value === "boolean" ? value : undefined
}
export const formatComplete: (complete: boolean) => string = formatBoolean

/** Sizes in bytes, age in seconds from the answer on. What is absent has no limit. */
export interface UploadLimit {
  readonly maxSize?: number
  readonly minSize?: number
  /** Of one append's body. */
  readonly maxAppendSize?: number
  /** Of one append's body, unless it is the last. */
  readonly minAppendSize?: number
  /** How long the upload's resource is kept. */
  readonly maxAge?: number
}

const KEYS: ReadonlyArray<readonly [keyof UploadLimit, string]> = [
  ["maxSize", "max-size"],
  ["minSize", "min-size"],
  ["maxAppendSize", "max-append-size"],
  ["minAppendSize", "min-append-size"],
  ["maxAge", "max-age"]
]

/** Unknown members count for nothing; a known one that is no integer makes the whole field count for nothing. */
export const parseUploadLimit = (field: Field): UploadLimit | undefined => {
  const members = field === undefined ? undefined : parseDictionary(field)
  if (members === undefined || members.size === 0) return undefined
  const known = KEYS.filter(([, key]) => members.has(key)).map(([name, key]) => [name, members.get(key)] as const)
  return known.every(([, value]) => typeof value === "number" && value >= 0) ? Object.fromEntries(known) : undefined
}

/** Never empty, as the draft wants it. */
export const formatUploadLimit = (limit: UploadLimit): string => {
  const members = KEYS.flatMap(([name, key]) => {
    const value = limit[name]
    return value === undefined ? [] : [`${key}=${formatInteger(value)}`]
  })
  return members.length === 0 ? "min-size=0" : members.join(", ")
}

/** Whether a `Content-Type` is that of an append; parameters are allowed and mean nothing. */
export const isPartialUpload = (field: Field): boolean =>
  field !== undefined && field.split(";", 1)[0]?.trim().toLowerCase() === PARTIAL_UPLOAD
