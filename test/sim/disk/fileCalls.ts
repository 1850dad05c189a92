/** The calls that work on what is open, and on attributes. */
import { fail } from "./errno.ts"
import { type FileInode, type Inode, makeFile, sizeOf } from "./inode.ts"
import type { OpenFile, OpenFlags } from "./openFile.ts"
import type { State } from "./state.ts"
import { find, locate, locateTarget, mustBeAllowed, type Place, READ, SEARCH, type Who, WRITE } from "./walk.ts"

export interface Stat {
  readonly type: "File" | "Directory" | "SymbolicLink" | "FIFO"
  readonly dev: number
  readonly ino: number
  readonly mode: number
  readonly nlink: number
  readonly size: number
  /** Nanoseconds since 1970. */
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly atimeNs: bigint
  readonly birthtimeNs: bigint
}

export const DEVICE = 2049

export const statOf = (inode: Inode): Stat => ({
  type: inode.kind,
  dev: DEVICE,
  ino: inode.ino,
  mode: inode.mode,
  nlink: inode.nlink,
  size: sizeOf(inode),
  mtimeNs: inode.mtime,
  ctimeNs: inode.ctime,
  atimeNs: inode.atime,
  birthtimeNs: inode.birthtime
})

const existing = (state: State, who: Who, path: string, { noFollow }: OpenFlags): Place => {
  const inode = find(state, who, path, !noFollow)
  if (inode.kind === "SymbolicLink") return fail("ELOOP")
  return { directory: state.root, name: "", inode, slash: false, special: undefined }
}

const placeToOpen = (state: State, who: Who, path: string, flags: OpenFlags): Place => {
  if (!flags.create) return existing(state, who, path, flags)
  const mayBeCreated = ({ slash, special }: Place): void => {
    if (slash && special === undefined) fail("EISDIR")
  }
  const place = locate(state, who, path)
  mayBeCreated(place)
  if (flags.exclusive && place.inode !== undefined) return fail("EEXIST")
  if (place.inode?.kind !== "SymbolicLink") return place
  return flags.noFollow ? fail("ELOOP") : locateTarget(state, who, path, mayBeCreated)
}

const createFile = (state: State, who: Who, { directory, name, slash, special }: Place, mode: number): FileInode => {
  if (slash || special !== undefined) return fail("EISDIR")
  mustBeAllowed(who, directory, WRITE | SEARCH)
  const inode = state.bear(makeFile, mode & 0o7777 & ~who.umask)
  state.change({ slots: [{ directory, name, before: undefined, after: inode }] })
  return inode
}

const wantedBy = ({ read, write }: OpenFlags): number => (read ? READ : 0) | (write ? WRITE : 0)

export const open = (state: State, who: Who, path: string, flags: OpenFlags, mode: number, fd: number): OpenFile => {
  const place = placeToOpen(state, who, path, flags)
  let { inode } = place
  if (inode === undefined) {
    inode = createFile(state, who, place, mode)
  } else {
    if (inode.kind === "Directory" && (flags.write || flags.create)) return fail("EISDIR")
    mustBeAllowed(who, inode, wantedBy(flags))
    if (inode.kind === "FIFO") throw new Error(`not simulated: to open a FIFO (${path})`)
    if (flags.truncate && inode.kind === "File") resize(state, inode, 0)
  }
  inode.opened++
  const file: OpenFile = { fd, inode, flags, closed: false }
  state.openFiles.add(file)
  return file
}

export const close = (state: State, file: OpenFile): void => {
  if (file.closed) return
  file.closed = true
  state.openFiles.delete(file)
  file.inode.opened--
  state.reap(file.inode)
}

const changed = (state: State, inode: Inode): void => {
  inode.mtime = inode.ctime = state.now()
  state.soil(inode)
}

const resize = (state: State, inode: FileInode, size: number): void => {
  state.usedBytes += size - inode.content.size
  inode.content.truncate(size)
  changed(state, inode)
}

export const read = ({ closed, flags, inode }: OpenFile, into: Uint8Array, position: number): number => {
  if (closed || !flags.read) return fail("EBADF")
  if (inode.kind !== "File") return fail("EISDIR")
  return inode.content.read(into, position)
}

/** Writes what there is room for, and gives how much that was; behind the end with `append`, wherever else it was to go. */
export const write = (
  state: State,
  { closed, flags, inode }: OpenFile,
  bytes: Uint8Array,
  position: number
): number => {
  if (closed || !flags.write || inode.kind !== "File") return fail("EBADF")
  if (bytes.length === 0) return 0
  const { size } = inode.content
  const at = flags.append ? size : position
  const room = Math.max(0, size - at) + state.freeBytes - Math.max(0, at - size)
  const count = Math.min(bytes.length, room)
  if (count <= 0) return fail("ENOSPC")
  inode.content.write(count === bytes.length ? bytes : bytes.subarray(0, count), at)
  state.usedBytes += inode.content.size - size
  changed(state, inode)
  return count
}

export const ftruncate = (state: State, { flags, inode }: OpenFile, size: number): void => {
  if (!flags.write || inode.kind !== "File") return fail("EINVAL")
  resize(state, inode, size)
}

export const truncate = (state: State, who: Who, path: string, size: number): void => {
  const inode = find(state, who, path, true)
  if (inode.kind === "Directory") return fail("EISDIR")
  mustBeAllowed(who, inode, WRITE)
  if (inode.kind !== "File") return fail("EINVAL")
  resize(state, inode, size)
}

export const chmod = (state: State, who: Who, path: string, mode: number): void => {
  const inode = find(state, who, path, true)
  inode.mode = mode & 0o7777
  inode.ctime = state.now()
  state.soil(inode)
}

export const utimes = (state: State, who: Who, path: string, atime: bigint, mtime: bigint): void => {
  const inode = find(state, who, path, true)
  inode.atime = atime
  inode.mtime = mtime
  inode.ctime = state.now()
  state.soil(inode)
}
