/** What the gate knows of the branch: never more than one window of each source. */
import type { Commit } from "../domain/names.ts"
import type { CommitWindow } from "../services/CommitSource.ts"

interface Known {
  readonly head: Commit
  readonly commits: ReadonlySet<Commit>
}

export interface Knowledge {
  /** The last window of the first source. */
  readonly standing: Known | undefined
  /** What the fallback added since. */
  readonly added: Known | undefined
}

const known = ({ commits }: CommitWindow): Known => ({ head: commits[0], commits: new Set(commits) })

export const nothing: Knowledge = { standing: undefined, added: undefined }

/** The first source has the last word: what it does not name any more is out. */
export const replaced = (window: CommitWindow): Knowledge => ({ standing: known(window), added: undefined })

/** The fallback may be behind: it only adds. */
export const widened = (knowledge: Knowledge, window: CommitWindow): Knowledge => ({
  ...knowledge,
  added: known(window)
})

export const knows = ({ added, standing }: Knowledge, commit: Commit): boolean =>
  standing?.commits.has(commit) === true || added?.commits.has(commit) === true

export const headOf = ({ added, standing }: Knowledge): Commit | null => (standing ?? added)?.head ?? null
