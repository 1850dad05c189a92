import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import type { Problem } from "../domain/protocol.ts"
import { codeOf, isFull, wordsOf } from "../systemError.ts"

/** A row could not be appended; nothing of it is left in the index, or will be before the next row. */
export class IndexUnavailable extends Schema.TaggedError<IndexUnavailable>()("IndexUnavailable", {
  /** In words. */
  message: Schema.String,
  /** The disk is full. */
  full: Schema.Boolean
}) {}

/** The disk does not give back what was written. */
export const isBroken = (error: PlatformError): boolean => codeOf(error) === "EIO"

/** The answer while the disk does not do what it should: to be tried again later. */
export const cannotStore = (error: PlatformError | IndexUnavailable): Problem => {
  const platform = error._tag === "PlatformError"
  const full = platform ? isFull(error) : error.full
  return {
    problem: full ? "disk-full" : "unavailable",
    error: `this could not be stored now: ${platform ? wordsOf(error) : error.message}`
  }
}
