/** What a disk is made of; what the calls work on. */
import { fail } from "./errno.ts"
import {
  type Birth,
  bytesOf,
  DIRECTORY_BYTES,
  type DirectoryInode,
  type FileInode,
  type Inode,
  makeDirectory
} from "./inode.ts"
import { type Change, Journal } from "./journal.ts"
import type { OpenFile } from "./openFile.ts"

export interface DiskOptions {
  readonly capacityBytes: number
  /** How many inodes there may be. */
  readonly inodes?: number
  /** The wall clock of the machine: nanoseconds since 1970. */
  readonly now: () => bigint
  /** Decides the order in which directories give their names. */
  readonly salt?: number
}

const INODES = 65_536
const ROOT_INO = 2

export class State {
  readonly options: Required<DiskOptions>
  readonly root: DirectoryInode
  readonly journal = new Journal()
  /** Inodes with something that no sync has made durable. */
  readonly unsynced = new Set<Inode>()
  /** Grow with every change, of what can be seen and of what is durable. */
  version = 1
  durableVersion = 1
  /** Counted downwards: which of them somebody looks at. */
  aftermaths = 0
  usedBytes = DIRECTORY_BYTES
  usedInodes = 1
  /** By anybody. */
  readonly openFiles = new Set<OpenFile>()
  #nextId = 1
  #nextIno = ROOT_INO
  #freeInos: Array<number> = []

  constructor(options: DiskOptions) {
    this.options = { inodes: INODES, salt: 0, ...options }
    this.root = makeDirectory({ id: this.#nextId++, ino: this.#nextIno++, mode: 0o755, now: options.now() })
    this.root.nlink = 1
  }

  now(): bigint {
    return this.options.now()
  }

  get freeBytes(): number {
    return Math.max(0, this.options.capacityBytes - this.usedBytes)
  }

  /** A new inode, if there is room for one more, and its bytes. */
  bear<A extends Inode>(make: (birth: Birth) => A, mode: number): A {
    if (this.usedInodes >= this.options.inodes) return fail("ENOSPC")
    const inode = make({ id: this.#nextId++, ino: this.freshIno(), mode, now: this.now() })
    const bytes = bytesOf(inode)
    if (bytes > this.freeBytes) return fail("ENOSPC")
    this.usedInodes++
    this.usedBytes += bytes
    return inode
  }

  freshIno(): number {
    return this.#freeInos.pop() ?? this.#nextIno++
  }

  /** Forgets an inode that has neither names nor descriptors. */
  reap(inode: Inode): void {
    if (inode.nlink > 0 || inode.opened > 0) return
    this.usedInodes--
    this.usedBytes -= bytesOf(inode)
    this.#freeInos.push(inode.ino)
    this.unsynced.delete(inode)
  }

  /** After a power cut: what takes room now, and which numbers are in use. */
  recount({ bytes, inos }: { readonly bytes: number; readonly inos: ReadonlySet<number> }): void {
    this.usedBytes = bytes
    this.usedInodes = inos.size
    this.#nextIno = Math.max(...inos) + 1
    this.#freeInos = []
    this.version++
    this.durableVersion++
  }

  /** Somebody can see that it has changed. */
  touch(inode: Inode): void {
    inode.version++
    this.version++
  }

  /** Its bytes or its attributes have changed. */
  soil(inode: Inode): void {
    this.touch(inode)
    this.unsynced.add(inode)
  }

  /** Changes names: what everybody sees at once, and a power cut perhaps undoes. */
  change(change: Change): void {
    this.journal.add(change)
    const now = this.now()
    for (const { directory, name, before, after } of change.slots) {
      if (after === undefined) directory.entries.delete(name)
      else directory.entries.set(name, after)
      directory.listing = undefined
      directory.mtime = directory.ctime = now
      this.soil(directory)
      if (after !== undefined) {
        after.nlink++
        if (after.kind === "Directory") after.parent = directory
      }
      if (before !== undefined) before.nlink--
    }
    for (const { before, after } of change.slots) {
      for (const inode of [before, after]) {
        if (inode === undefined) continue
        inode.ctime = now
        if (inode === before) this.reap(inode)
      }
    }
  }

  /** Changes names on the disk itself. */
  settle(changes: ReadonlyArray<Change>): void {
    for (const { slots } of changes) {
      for (const { directory, name, after } of slots) {
        if (after === undefined) directory.durableEntries.delete(name)
        else directory.durableEntries.set(name, after)
        if (after?.kind === "Directory") after.durableParent = directory
        directory.durableVersion++
      }
      this.durableVersion++
    }
  }

  sync(inode: Inode): void {
    if (inode.kind === "Directory") this.settle(this.journal.take(inode))
    this.#settleInode(inode)
  }

  /** sync(2). */
  syncAll(): void {
    this.settle(this.journal.takeAll())
    for (const inode of this.unsynced) this.#settleInode(inode)
  }

  failSync(inode: FileInode): void {
    inode.content.failSync()
  }

  #settleInode(inode: Inode): void {
    if (!this.unsynced.has(inode)) return
    if (inode.kind === "File") inode.content.sync()
    inode.durableMode = inode.mode
    inode.durableMtime = inode.mtime
    inode.durableVersion++
    this.durableVersion++
    // What a failed sync has lost stays lost.
    if (inode.kind !== "File" || inode.content.isDurable) this.unsynced.delete(inode)
  }
}
