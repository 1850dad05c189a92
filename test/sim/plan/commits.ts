/** The branch whose commits are allowed: commit 0 is the oldest. */
import { createHash } from "node:crypto"

export const commitAt = (index: number): string => createHash("sha1").update(`commit ${index}`).digest("hex")

/** The head of the branch when a run begins. */
export const FIRST_HEAD = 9
/** Never in any window that is planned. */
export const OLD_COMMIT = commitAt(-1)
