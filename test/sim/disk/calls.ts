/** The system calls of a disk. */
import { DiskError, fail } from "./errno.ts"
import * as Files from "./fileCalls.ts"
import { listingOf } from "./listing.ts"
import type { LockKind, Locks } from "./locks.ts"
import * as Names from "./nameCalls.ts"
import type { OpenFile, OpenFlags } from "./openFile.ts"
import type { State } from "./state.ts"
import { find, mustBeAllowed, READ, type Who, WRITE } from "./walk.ts"

export interface Entry {
  readonly name: string
  readonly type: Files.Stat["type"]
}

export interface Space {
  readonly freeBytes: number
  readonly totalBytes: number
  readonly freeInodes: number
  readonly totalInodes: number
}

const DESCRIPTORS = 1024
/** Below are the standard streams, and what a runtime has opened for itself. */
const FIRST_DESCRIPTOR = 20

/** The system calls of somebody. Each throws `DiskError` as the kernel would answer. */
export class Calls {
  readonly #state: State
  readonly #locks: Locks
  readonly #who: Who
  readonly #open = new Map<number, OpenFile>()

  constructor(state: State, locks: Locks, who: Who) {
    this.#state = state
    this.#locks = locks
    this.#who = who
  }

  open(path: string, flags: OpenFlags, mode = 0o666): OpenFile {
    if (this.#open.size >= DESCRIPTORS) return fail("EMFILE")
    let fd = FIRST_DESCRIPTOR + this.#open.size
    while (this.#open.has(fd)) fd--
    const file = Files.open(this.#state, this.#who, path, flags, mode, fd)
    this.#open.set(fd, file)
    return file
  }

  close(file: OpenFile): void {
    this.#locks.release(file)
    this.#open.delete(file.fd)
    Files.close(this.#state, file)
  }

  /** What the kernel does when the process ends. */
  closeAll(): void {
    for (const file of this.#open.values()) this.close(file)
  }

  /** How many descriptors are open. */
  get opened(): number {
    return this.#open.size
  }

  read(file: OpenFile, into: Uint8Array, position: number): number {
    return Files.read(file, into, position)
  }

  /** Gives how much was written, which is less when there is no room for more. `position` counts for nothing with `append`. */
  write(file: OpenFile, bytes: Uint8Array, position: number): number {
    return Files.write(this.#state, file, bytes, position)
  }

  ftruncate(file: OpenFile, size: number): void {
    Files.ftruncate(this.#state, file, size)
  }

  fsync(file: OpenFile): void {
    this.#state.sync(file.inode)
  }

  /** A sync that the disk does not manage: bytes written so far are marked clean, and no later sync writes them. Says nothing. */
  failSync(file: OpenFile): void {
    if (file.inode.kind === "File") this.#state.failSync(file.inode)
  }

  fstat(file: OpenFile): Files.Stat {
    return Files.statOf(file.inode)
  }

  /** False when somebody else holds it. */
  flock(file: OpenFile, kind: LockKind): boolean {
    return this.#locks.take(file, kind)
  }

  truncate(path: string, size: number): void {
    Files.truncate(this.#state, this.#who, path, size)
  }

  lstat(path: string): Files.Stat {
    return Files.statOf(find(this.#state, this.#who, path, false))
  }

  stat(path: string): Files.Stat {
    return Files.statOf(find(this.#state, this.#who, path, true))
  }

  /** `undefined` for what cannot be found. */
  typeOf(path: string): Files.Stat["type"] | undefined {
    try {
      return this.stat(path).type
    } catch (thrown) {
      if (thrown instanceof DiskError) return undefined
      throw thrown
    }
  }

  access(path: string, wanted: { readonly readable?: boolean; readonly writable?: boolean } = {}): void {
    const inode = find(this.#state, this.#who, path, true)
    if (wanted.readable) mustBeAllowed(this.#who, inode, READ)
    if (wanted.writable) mustBeAllowed(this.#who, inode, WRITE)
  }

  readdir(path: string): ReadonlyArray<Entry> {
    const directory = find(this.#state, this.#who, path, true)
    if (directory.kind !== "Directory") return fail("ENOTDIR")
    mustBeAllowed(this.#who, directory, READ)
    return listingOf(directory, this.#state.options.salt).flatMap((name) => {
      const inode = directory.entries.get(name)
      return inode === undefined ? [] : [{ name, type: inode.kind }]
    })
  }

  readlink(path: string): string {
    const inode = find(this.#state, this.#who, path, false)
    return inode.kind === "SymbolicLink" ? inode.target : fail("EINVAL")
  }

  mkdir(path: string, mode = 0o777): void {
    Names.mkdir(this.#state, this.#who, path, mode)
  }

  mkfifo(path: string, mode = 0o666): void {
    Names.mkfifo(this.#state, this.#who, path, mode)
  }

  symlink(target: string, path: string): void {
    Names.symlink(this.#state, this.#who, target, path)
  }

  link(from: string, to: string): void {
    Names.link(this.#state, this.#who, from, to)
  }

  unlink(path: string): void {
    Names.unlink(this.#state, this.#who, path)
  }

  rmdir(path: string): void {
    Names.rmdir(this.#state, this.#who, path)
  }

  rename(from: string, to: string): void {
    Names.rename(this.#state, this.#who, from, to)
  }

  chmod(path: string, mode: number): void {
    Files.chmod(this.#state, this.#who, path, mode)
  }

  utimes(path: string, atimeNs: bigint, mtimeNs: bigint): void {
    Files.utimes(this.#state, this.#who, path, atimeNs, mtimeNs)
  }

  statfs(path: string): Space {
    find(this.#state, this.#who, path, true)
    const { capacityBytes, inodes } = this.#state.options
    return {
      freeBytes: this.#state.freeBytes,
      totalBytes: capacityBytes,
      freeInodes: inodes - this.#state.usedInodes,
      totalInodes: inodes
    }
  }
}
