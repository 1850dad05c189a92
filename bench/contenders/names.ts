/** Those by whom the report measures. */
export const OURS = "CIS490"
export const PYTHON = "Python, one at a time"
export const RSYNC = "rsync --fsync"
export const nodePairNamed = (concurrency: number): string => `framework-free Node, ${concurrency} at a time`
export const NODE_PAIRS: ReadonlyArray<string> = [4, 8].map(nodePairNamed)
/** Sends nothing: a limit, no peer. */
export const TAR_ALONE = "tar | zstd -3 alone"
