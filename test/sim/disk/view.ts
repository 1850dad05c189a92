/** A disk as somebody who only looks sees it: now, or after a power cut. Follows no links. */
import type { DirectoryInode, FileInode, Inode } from "./inode.ts"

/** Which of an inode's pasts is looked at. */
export interface Lens {
  readonly entries: (directory: DirectoryInode) => ReadonlyMap<string, Inode>
  readonly bytes: (file: FileInode) => Uint8Array
  readonly mode: (inode: Inode) => number
  readonly mtimeNs: (inode: Inode) => bigint
  readonly version: (inode: Inode) => number
}

export interface ViewStat {
  readonly type: Inode["kind"]
  /** Bytes; 0 for what is no file. */
  readonly size: number
  readonly mode: number
  readonly mtimeNs: bigint
}

export interface View {
  /** A file's bytes: not to be changed, and not changed by anybody else. */
  read(path: string): Uint8Array | undefined
  /** A directory's names, in no order that means anything. */
  list(path: string): readonly string[] | undefined
  stat(path: string): ViewStat | undefined
  /** The same id and version are the same bytes, or the same names. */
  inode(path: string): { readonly id: number; readonly version: number } | undefined
  /** Differs when anything at or below `path` does: names, bytes, attributes. Reads no bytes. */
  print(path: string): string | undefined
}

export const makeView = (root: DirectoryInode, lens: Lens): View => {
  const find = (path: string): Inode | undefined => {
    let at: Inode | undefined = root
    for (let from = 0; from < path.length && at !== undefined; ) {
      const slash = path.indexOf("/", from)
      const to = slash === -1 ? path.length : slash
      if (to > from) at = at.kind === "Directory" ? lens.entries(at).get(path.slice(from, to)) : undefined
      from = to + 1
    }
    return at
  }
  const printOf = (inode: Inode): string => {
    const own = `${inode.id}.${lens.version(inode)}`
    if (inode.kind !== "Directory") return own
    let below = ""
    for (const [name, child] of lens.entries(inode)) below += `${name}:${printOf(child)},`
    return `${own}{${below}}`
  }
  return {
    read: (path) => {
      const inode = find(path)
      return inode?.kind === "File" ? lens.bytes(inode) : undefined
    },
    list: (path) => {
      const inode = find(path)
      return inode?.kind === "Directory" ? [...lens.entries(inode).keys()] : undefined
    },
    stat: (path) => {
      const inode = find(path)
      if (inode === undefined) return undefined
      const size = inode.kind === "File" ? lens.bytes(inode).length : 0
      return { type: inode.kind, size, mode: lens.mode(inode), mtimeNs: lens.mtimeNs(inode) }
    },
    inode: (path) => {
      const inode = find(path)
      return inode === undefined ? undefined : { id: inode.id, version: lens.version(inode) }
    },
    print: (path) => {
      const inode = find(path)
      return inode === undefined ? undefined : printOf(inode)
    }
  }
}

export const currentLens: Lens = {
  entries: (directory) => directory.entries,
  bytes: (file) => file.content.current,
  mode: (inode) => inode.mode,
  mtimeNs: (inode) => inode.mtime,
  version: (inode) => inode.version
}

export const durableLens: Lens = {
  entries: (directory) => directory.durableEntries,
  bytes: (file) => file.content.durable,
  mode: (inode) => inode.durableMode,
  mtimeNs: (inode) => inode.durableMtime,
  version: (inode) => inode.durableVersion
}
