import * as Predicate from "effect/Predicate"

/** SQLite's primary result codes (sqlite.org/rescode.html). */
export const BUSY = 5
export const FULL = 13
/** Of a disk that does not take it: READONLY, IOERR, FULL, CANTOPEN. */
export const OF_THE_DISK: ReadonlySet<number> = new Set([8, 10, FULL, 14])

/** Of what SQLite threw: the lowest byte of its code, what is above tells it apart further. 0 for anything else. */
export const resultCode = (thrown: unknown): number =>
  Predicate.hasProperty(thrown, "errcode") ? Number(thrown.errcode) & 0xff : 0
