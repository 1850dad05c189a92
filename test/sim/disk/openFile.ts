import type { Inode } from "./inode.ts"

export interface OpenFlags {
  readonly read?: boolean
  readonly write?: boolean
  readonly append?: boolean
  readonly create?: boolean
  readonly exclusive?: boolean
  readonly truncate?: boolean
  readonly noFollow?: boolean
}

/** An open file description: lives on when its name goes. */
export interface OpenFile {
  readonly fd: number
  readonly inode: Inode
  readonly flags: OpenFlags
  closed: boolean
}
