import type { PlatformError } from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { Problem } from "../domain/protocol.ts"

/** A row could not be appended; nothing of it is left in the index, or will be before the next row. */
export class IndexUnavailable extends Schema.TaggedError<IndexUnavailable>()("IndexUnavailable", {
  /** In words. */
  message: Schema.String,
  /** The disk is full. */
  full: Schema.Boolean
}) {}

const codeOf = ({ reason }: PlatformError): unknown => {
  const cause = "cause" in reason ? reason.cause : undefined
  return Predicate.hasProperty(cause, "code") ? cause.code : undefined
}

/** The disk, or the quota on it, is used up. */
export const isFull = (error: PlatformError): boolean => ["ENOSPC", "EDQUOT"].includes(String(codeOf(error)))

/** The disk does not give back what was written. */
export const isBroken = (error: PlatformError): boolean => codeOf(error) === "EIO"

/** What the system said, with its own code: `EIO: FileSystem.write (…)`. */
export const words = (error: PlatformError): string => {
  const code = codeOf(error)
  const cause = "cause" in error.reason ? error.reason.cause : undefined
  return Predicate.isString(code) && Predicate.isError(cause) ? cause.message : error.message
}

/** The answer while the disk does not do what it should: to be tried again later. */
export const cannotStore = (error: PlatformError | IndexUnavailable): Problem => {
  const platform = error._tag === "PlatformError"
  const full = platform ? isFull(error) : error.full
  return {
    problem: full ? "disk-full" : "unavailable",
    error: `this could not be stored now: ${platform ? words(error) : error.message}`
  }
}
