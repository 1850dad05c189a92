/** What names stand for. */
import { Content } from "./content.ts"

interface Common {
  /** Never used twice. */
  readonly id: number
  /** As stat(2) gives it; used again once the inode is gone. */
  ino: number
  /** Permission bits. */
  mode: number
  /** Nanoseconds since 1970, like all times here. */
  mtime: bigint
  ctime: bigint
  atime: bigint
  birthtime: bigint
  /** Names for it, and descriptors open on it: without either it is gone. */
  nlink: number
  opened: number
  /** Grows when what anybody can see of it changes; a directory's when its names do. */
  version: number
  /** The same for what a sync has made durable. */
  durableVersion: number
  durableMode: number
  durableMtime: bigint
}

export interface FileInode extends Common {
  readonly kind: "File"
  readonly content: Content
}

export interface DirectoryInode extends Common {
  readonly kind: "Directory"
  entries: Map<string, Inode>
  durableEntries: Map<string, Inode>
  parent: DirectoryInode | undefined
  durableParent: DirectoryInode | undefined
  /** Its names in the order in which it gives them; `undefined` when they have to be ordered anew. */
  listing: ReadonlyArray<string> | undefined
}

export interface LinkInode extends Common {
  readonly kind: "SymbolicLink"
  readonly target: string
}

/** For those who look at names only: it cannot be opened. */
export interface PipeInode extends Common {
  readonly kind: "FIFO"
}

export type Inode = FileInode | DirectoryInode | LinkInode | PipeInode

/** Of a new inode. */
export interface Birth {
  readonly id: number
  readonly ino: number
  readonly mode: number
  readonly now: bigint
}

const common = ({ id, ino, mode, now }: Birth): Common => ({
  id,
  ino,
  mode,
  mtime: now,
  ctime: now,
  atime: now,
  birthtime: now,
  nlink: 0,
  opened: 0,
  version: 1,
  durableVersion: 1,
  durableMode: mode,
  durableMtime: now
})

export const makeFile = (birth: Birth): FileInode => ({ ...common(birth), kind: "File", content: new Content() })

export const makeDirectory = (birth: Birth): DirectoryInode => ({
  ...common(birth),
  kind: "Directory",
  entries: new Map(),
  durableEntries: new Map(),
  parent: undefined,
  durableParent: undefined,
  listing: undefined
})

export const makeLink = (birth: Birth, target: string): LinkInode => ({
  ...common(birth),
  kind: "SymbolicLink",
  target
})

export const makePipe = (birth: Birth): PipeInode => ({ ...common(birth), kind: "FIFO" })

/** Bytes that it takes of the disk. */
export const DIRECTORY_BYTES = 4096

export const bytesOf = (inode: Inode): number => {
  if (inode.kind === "File") return inode.content.size
  return inode.kind === "Directory" ? DIRECTORY_BYTES : 0
}

/** As stat(2) says it. */
export const sizeOf = (inode: Inode): number => {
  if (inode.kind === "SymbolicLink") return Buffer.byteLength(inode.target)
  return inode.kind === "FIFO" ? 0 : bytesOf(inode)
}
