/** How much to send before the next acknowledgement: so much that one comes every few seconds, whatever the link carries. */
import type { UploadLimit } from "./fields.ts"

const KIB = 1024
const MIB = 1024 * KIB

export const FIRST_APPEND_BYTES = MIB
export const SMALLEST_APPEND_BYTES = 64 * KIB
export const LARGEST_APPEND_BYTES = 64 * MIB

/** What an append should take. */
const TARGET_MILLIS = 4000

const between = (bytes: number, least: number, most: number): number => Math.min(Math.max(bytes, least), most)

/** The next size when one of `bytes` took `millis`: twice as much, half as much, or the same. */
export const nextAppendSize = (bytes: number, millis: number): number => {
  const factor = millis < TARGET_MILLIS / 2 ? 2 : millis > TARGET_MILLIS * 2 ? 0.5 : 1
  return between(Math.round(bytes * factor), SMALLEST_APPEND_BYTES, LARGEST_APPEND_BYTES)
}

/** What one append takes of the `left` bytes that are left; the receiver's limits win, and its least does not bind the last. */
export const appendWithin = (bytes: number, left: number, { maxAppendSize, minAppendSize = 1 }: UploadLimit): number =>
  Math.min(between(bytes, minAppendSize, Math.max(maxAppendSize ?? Number.POSITIVE_INFINITY, 1)), left)
