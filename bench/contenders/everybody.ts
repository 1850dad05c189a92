import type { Contender } from "./contender.ts"
import { RSYNC } from "./names.ts"
import { nodePair } from "./nodePair.ts"
import { ours } from "./ours.ts"
import { pythonPair } from "./pythonPair.ts"
import { rsync } from "./rsync.ts"
import { shell, tarZstd } from "./shell.ts"

/** Ours, and what one would use instead. */
export const everybody: ReadonlyArray<Contender> = [
  ours,
  nodePair(4),
  nodePair(8),
  pythonPair,
  rsync(RSYNC, []),
  rsync(`${RSYNC} -z`, ["-z", "--zc=zstd"]),
  shell(1),
  shell(4),
  tarZstd
]
