/** What the system said, as it names it: Effect's own message leaves out the reason. */
import type { PlatformError, SystemErrorTag } from "effect/PlatformError"
import * as Predicate from "effect/Predicate"

const causeOf = ({ reason }: PlatformError): unknown => ("cause" in reason ? reason.cause : undefined)

/** The codes of errno(3) that Effect tells apart; anything else is `Unknown`. As its own file system for Node has it. */
const TAGS: Readonly<Record<string, SystemErrorTag>> = {
  EACCES: "PermissionDenied",
  EBUSY: "Busy",
  EEXIST: "AlreadyExists",
  EISDIR: "BadResource",
  ELOOP: "BadResource",
  ENOENT: "NotFound",
  ENOTDIR: "BadResource",
  EPERM: "PermissionDenied"
}

/** What Effect calls an error of the system. */
export const tagOf = (code: string | undefined): SystemErrorTag => TAGS[code ?? ""] ?? "Unknown"

/** The system's code (errno(3)), such as `ENOSPC`; `undefined` where there is none. */
export const codeOf = (error: PlatformError): string | undefined => {
  const cause = causeOf(error)
  return Predicate.hasProperty(cause, "code") && Predicate.isString(cause.code) ? cause.code : undefined
}

/** The disk, or the quota on it, is used up. */
export const isFull = (error: PlatformError): boolean => ["ENOSPC", "EDQUOT"].includes(codeOf(error) ?? "")

/** The system's own words, with code, call and path: `ENOSPC: no space left on device, write`. */
export const wordsOf = (error: PlatformError): string => {
  const cause = causeOf(error)
  return codeOf(error) !== undefined && Predicate.isError(cause) ? cause.message : error.message
}
