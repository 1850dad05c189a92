/** What a disk may come back as when the power goes now. */
import type { Random } from "../kernel/random.ts"
import { bytesOf, type DirectoryInode, type FileInode, type Inode } from "./inode.ts"
import { type Change, goalOf } from "./journal.ts"
import type { State } from "./state.ts"
import { durableLens, type Lens } from "./view.ts"

type Entries = ReadonlyMap<string, Inode>

/** The durable names, and some of the pending changes made to them. */
export class Aftermath {
  readonly #entries = new Map<DirectoryInode, Map<string, Inode>>()
  readonly #parents = new Map<DirectoryInode, DirectoryInode>()
  /** No inode's. */
  readonly #own: number

  /** Makes those changes that still can be made, in this order. */
  constructor(kept: ReadonlyArray<Change>, own: number) {
    this.#own = own
    for (const change of kept) if (this.#isPossible(change)) this.#make(change)
  }

  entries(directory: DirectoryInode): Entries {
    return this.#entries.get(directory) ?? directory.durableEntries
  }

  /** A version of its own where something is not as it is durable. */
  version(inode: Inode): number {
    const changed = inode.kind === "Directory" && this.#entries.has(inode)
    return changed ? this.#own : inode.durableVersion
  }

  #isPossible(change: Change): boolean {
    const { moved, removed, slots } = change
    if (!slots.every(({ before, directory, name }) => this.entries(directory).get(name) === before)) return false
    if (removed !== undefined && this.entries(removed).size > 0) return false
    return moved === undefined || !this.#contains(moved, goalOf(change))
  }

  #contains(above: DirectoryInode, below: DirectoryInode | undefined): boolean {
    for (let at = below; at !== undefined; at = this.#parents.get(at) ?? at.durableParent) if (at === above) return true
    return false
  }

  #make({ slots }: Change): void {
    for (const { after, directory, name } of slots) {
      const entries = this.#entries.get(directory) ?? new Map(directory.durableEntries)
      this.#entries.set(directory, entries)
      if (after === undefined) entries.delete(name)
      else entries.set(name, after)
      if (after?.kind === "Directory") this.#parents.set(after, directory)
    }
  }
}

/** Some filesystems keep the order of what they are told (a prefix is kept), some keep none (anything may be). */
const keptOf = (pending: ReadonlyArray<Change>, random: Random): ReadonlyArray<Change> => {
  if (random.chance(0.5)) return pending.slice(0, random.int(pending.length + 1))
  const keep = random.pick([0.1, 0.5, 0.9])
  return pending.filter(() => random.chance(keep))
}

/** One possible aftermath, as a lens: everything is decided when it is first looked at, and stays so. */
export const lensAfter = (state: State, random: Random): Lens => {
  const own = --state.aftermaths
  const names = new Aftermath(keptOf(state.journal.pending, random), own)
  const bytes = new Map<FileInode, Uint8Array>()
  const attributesKept = random.chance(0.5)
  const draw = random.int(2 ** 31)
  return {
    entries: (directory) => names.entries(directory),
    bytes: (file) => {
      const known = bytes.get(file)
      if (known !== undefined) return known
      const { content } = file
      const decided = content.isDurable ? content.durable : content.afterPowerCut(random.fork(`${draw}/${file.id}`))
      bytes.set(file, decided)
      return decided
    },
    mode: (inode) => (attributesKept ? inode.mode : inode.durableMode),
    mtimeNs: (inode) => (attributesKept ? inode.mtime : inode.durableMtime),
    version: (inode) => (inode.kind === "File" && !inode.content.isDurable ? own : names.version(inode))
  }
}

/**
 * What of the names may be left, without chance: nothing that is pending, each beginning of it, each change alone, all but each one.
 * Bytes are those that were synced: what was not may be anything.
 */
export const lensesAfter = function* (state: State): Generator<Lens> {
  const { pending } = state.journal
  const lens = (kept: ReadonlyArray<Change>): Lens => {
    const names = new Aftermath(kept, --state.aftermaths)
    return {
      ...durableLens,
      entries: (directory) => names.entries(directory),
      version: (inode) => names.version(inode)
    }
  }
  for (let count = 0; count <= pending.length; count++) yield lens(pending.slice(0, count))
  for (const change of pending) {
    yield lens([change])
    yield lens(pending.filter((other) => other !== change))
  }
}

/** The disk comes back as this. */
export const adopt = (state: State, lens: Lens): void => {
  const inos = new Set<number>()
  const seen = new Set<Inode>()
  let bytes = 0

  const visit = (inode: Inode): void => {
    inode.nlink = seen.has(inode) ? inode.nlink + 1 : 1
    if (seen.has(inode)) return
    seen.add(inode)
    // Two that had the same number at different times are both there now.
    while (inos.has(inode.ino)) inode.ino = state.freshIno()
    inos.add(inode.ino)
    inode.opened = 0
    inode.mode = inode.durableMode = lens.mode(inode)
    inode.mtime = inode.durableMtime = lens.mtimeNs(inode)
    inode.version++
    inode.durableVersion++
    if (inode.kind === "File") inode.content.restore(lens.bytes(inode))
    if (inode.kind === "Directory") visitNames(inode)
    bytes += bytesOf(inode)
  }
  const visitNames = (directory: DirectoryInode): void => {
    const entries = lens.entries(directory)
    directory.entries = new Map(entries)
    directory.durableEntries = new Map(entries)
    directory.listing = undefined
    for (const inode of entries.values()) {
      visit(inode)
      if (inode.kind === "Directory") inode.parent = inode.durableParent = directory
    }
  }
  visit(state.root)
  state.journal.takeAll()
  state.unsynced.clear()
  for (const file of state.openFiles) file.closed = true
  state.openFiles.clear()
  state.recount({ bytes, inos })
}
