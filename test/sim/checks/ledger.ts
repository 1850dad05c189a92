/** The episodes that recorders have finished, and which of them nobody has given up: those are owed. */
import type { EpisodeKind } from "../plan/plan.ts"

export interface Entry {
  readonly host: string
  /** As it was recorded; an operator may have sent it under another id since. */
  readonly id: string
  /** 0 for the first recording under this id. */
  readonly run: number
  readonly kind: EpisodeKind
  readonly content: string
  /** What its `meta.json` says, if that is a commit. */
  readonly commit: string | undefined
  /** World time. */
  readonly finishedAt: number
  /** Its `done.marker` says what is in it. */
  readonly manifest: boolean
  /** Somebody wrote to it after it was finished, and this is what came of it. */
  readonly changed: boolean
  /** Why nobody has to keep it; `undefined` while it is owed. */
  forfeited: string | undefined
}

export interface Ledger {
  readonly entries: ReadonlyArray<Entry>
  /** Somebody begins to write this: it may be stored from now on. */
  readonly announce: (content: string) => void
  readonly isKnown: (content: string) => boolean
  readonly finish: (entry: Omit<Entry, "forfeited">) => Entry
  /** The last one under this name. */
  readonly latest: (host: string, id: string) => Entry | undefined
  readonly of: (host: string, id: string) => ReadonlyArray<Entry>
  readonly owed: () => ReadonlyArray<Entry>
  /** Another recording begins under this name, and whoever recorded there ends; gives its number, from 0. */
  readonly begin: (host: string, id: string) => number
  /** How many have begun. */
  readonly runs: (host: string, id: string) => number
  /** What lies under this name need not be what any recorder finished: written carelessly, or by hand. */
  readonly disturb: (host: string, id: string) => void
  readonly isDisturbed: (host: string, id: string) => boolean
  /** Its stored file was taken away: its row may stand without one. */
  readonly lose: (host: string, id: string) => void
  readonly isLost: (host: string, id: string) => boolean
}

const keyOf = (host: string, id: string): string => `${host}/${id}`

export const makeLedger = (): Ledger => {
  const entries: Array<Entry> = []
  const byName = new Map<string, Array<Entry>>()
  const runs = new Map<string, number>()
  const [known, disturbed, lost] = [new Set<string>(), new Set<string>(), new Set<string>()]
  return {
    entries,
    announce: (content) => void known.add(content),
    isKnown: (content) => known.has(content),
    finish: (finished) => {
      const entry: Entry = { ...finished, forfeited: undefined }
      entries.push(entry)
      const key = keyOf(entry.host, entry.id)
      byName.set(key, [...(byName.get(key) ?? []), entry])
      return entry
    },
    latest: (host, id) => byName.get(keyOf(host, id))?.at(-1),
    of: (host, id) => byName.get(keyOf(host, id)) ?? [],
    owed: () => entries.filter(({ forfeited }) => forfeited === undefined),
    begin: (host, id) => {
      const run = runs.get(keyOf(host, id)) ?? 0
      runs.set(keyOf(host, id), run + 1)
      return run
    },
    runs: (host, id) => runs.get(keyOf(host, id)) ?? 0,
    disturb: (host, id) => void disturbed.add(keyOf(host, id)),
    isDisturbed: (host, id) => disturbed.has(keyOf(host, id)),
    lose: (host, id) => void lost.add(keyOf(host, id)),
    isLost: (host, id) => lost.has(keyOf(host, id))
  }
}
