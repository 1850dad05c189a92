/** Changes of names that no sync has made durable yet. */
import type { DirectoryInode, Inode } from "./inode.ts"

/** What a change does to one name. */
export interface Slot {
  readonly directory: DirectoryInode
  readonly name: string
  readonly before: Inode | undefined
  readonly after: Inode | undefined
}

/** One atomic change: a rename changes two names at once, anything else one. */
export interface Change {
  readonly slots: ReadonlyArray<Slot>
  /** A directory that has to be empty for it. */
  readonly removed?: DirectoryInode
  /** A directory that goes to another parent. */
  readonly moved?: DirectoryInode
}

interface Pending extends Change {
  readonly keys: ReadonlyArray<string>
  /** Of the place where `moved` goes, the place included. */
  readonly above: ReadonlyArray<DirectoryInode>
}

const keyOf = ({ directory, name }: Slot): string => `${directory.id}/${name}`

const ancestorsOf = (directory: DirectoryInode | undefined): ReadonlyArray<DirectoryInode> => {
  const found: Array<DirectoryInode> = []
  for (let at = directory; at !== undefined; at = at.parent) found.push(at)
  return found
}

/** Where the moved directory goes. */
export const goalOf = ({ slots }: Change): DirectoryInode | undefined =>
  slots.find(({ after }) => after !== undefined)?.directory

const touches = ({ slots }: Change, directory: DirectoryInode): boolean => {
  for (const slot of slots) if (slot.directory === directory) return true
  return false
}

/** What the changes need that a sync makes durable; asked from the last change to the first. */
class Needs {
  readonly #keys = new Set<string>()
  readonly #directories: Set<DirectoryInode>
  readonly #places = new Set<DirectoryInode>()

  constructor(directory: DirectoryInode) {
    this.#directories = new Set([directory])
  }

  /** Whether this change is needed; then what it needs is, too. */
  meet(change: Pending): boolean {
    if (!this.#isMet(change)) return false
    for (const key of change.keys) this.#keys.add(key)
    for (const place of change.above) this.#places.add(place)
    if (change.removed !== undefined) this.#directories.add(change.removed)
    return true
  }

  #isMet({ keys, moved, slots }: Pending): boolean {
    for (const { directory } of slots) if (this.#directories.has(directory)) return true
    for (const key of keys) if (this.#keys.has(key)) return true
    return moved !== undefined && this.#places.has(moved)
  }
}

export class Journal {
  #pending: Array<Pending> = []

  /** In the order in which they were made. */
  get pending(): ReadonlyArray<Change> {
    return this.#pending
  }

  /** Before it is made. */
  add(change: Change): void {
    this.#pending.push({
      ...change,
      keys: change.slots.map(keyOf),
      above: change.moved === undefined ? [] : ancestorsOf(goalOf(change))
    })
  }

  /**
   * Takes out what a sync of `directory` makes durable: the changes that touch it, and the earlier ones that those need: on the same
   * names, in a directory that is removed, and the moves that brought a moved directory's new place where it is.
   */
  take(directory: DirectoryInode): ReadonlyArray<Change> {
    if (!this.#pending.some((change) => touches(change, directory))) return []
    const needs = new Needs(directory)
    const [taken, left]: [Array<Pending>, Array<Pending>] = [[], []]
    for (const change of this.#pending.toReversed()) (needs.meet(change) ? taken : left).push(change)
    this.#pending = left.toReversed()
    return taken.toReversed()
  }

  takeAll(): ReadonlyArray<Change> {
    const all = this.#pending
    this.#pending = []
    return all
  }
}
