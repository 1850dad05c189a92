/**
 * Stored files that cannot complete their older row, with their SHA-256: what the archive grammar or today's limits refuse is not read
 * again with every question. Of a few, and only while the file stays as it is.
 */
import type { Sha256 } from "../domain/names.ts"
import type { Inspection } from "../services/Volume.ts"
import { type EpisodeName, nameOf } from "./storePaths.ts"

/** A few hundred bytes each. */
const MOST = 10_000

export const makeVerdicts = () => {
  const verdicts = new Map<string, { readonly state: string; readonly sha256: Sha256 }>()
  const stateOf = ({ mtimeNs, size }: Inspection): string => `${size} ${mtimeNs}`
  return {
    recall: (name: EpisodeName, file: Inspection): Sha256 | undefined => {
      const found = verdicts.get(nameOf(name))
      return found?.state === stateOf(file) ? found.sha256 : undefined
    },
    remember: (name: EpisodeName, file: Inspection, sha256: Sha256): void => {
      verdicts.delete(nameOf(name))
      const [oldest] = verdicts.size < MOST ? [] : verdicts.keys()
      if (oldest !== undefined) verdicts.delete(oldest)
      verdicts.set(nameOf(name), { state: stateOf(file), sha256 })
    }
  }
}
export type Verdicts = ReturnType<typeof makeVerdicts>
