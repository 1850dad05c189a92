/** From a path to what it stands for (path_resolution(7)). There is one filesystem, and everybody's working directory is its root. */
import { fail } from "./errno.ts"
import type { DirectoryInode, Inode, LinkInode } from "./inode.ts"
import type { State } from "./state.ts"

/** Who asks. All files belong to one ordinary user. */
export interface Who {
  /** Permissions are not asked for. */
  readonly privileged: boolean
  readonly umask: number
}

const MAX_NAME = 255
const MAX_PATH = 4096
const MAX_LINKS = 40

export const [READ, WRITE, SEARCH] = [4, 2, 1]

export const may = (who: Who, inode: Inode, wanted: number): boolean =>
  who.privileged || ((inode.mode >> 6) & wanted) === wanted

export const mustBeAllowed = (who: Who, inode: Inode, wanted: number): void => {
  if (!may(who, inode, wanted)) fail("EACCES")
}

interface Parsed {
  readonly absolute: boolean
  readonly parts: ReadonlyArray<string>
  /** Ends with a slash: means a directory. */
  readonly slash: boolean
}

const parsed = new Map<string, Parsed>()
const REMEMBERED = 4096

const parse = (path: string): Parsed => {
  const known = parsed.get(path)
  if (known !== undefined) return known
  if (path === "") return fail("ENOENT")
  if (Buffer.byteLength(path) >= MAX_PATH) return fail("ENAMETOOLONG")
  const made: Parsed = {
    absolute: path.startsWith("/"),
    parts: path.split("/").filter((part) => part !== ""),
    slash: path.endsWith("/")
  }
  if (parsed.size >= REMEMBERED) parsed.clear()
  parsed.set(path, made)
  return made
}

const isTooLong = (name: string): boolean => name.length * 3 > MAX_NAME && Buffer.byteLength(name) > MAX_NAME

interface Walk {
  readonly state: State
  readonly who: Who
  links: number
}

const step = ({ state, who }: Walk, at: Inode, name: string): Inode | undefined => {
  if (at.kind !== "Directory") return fail("ENOTDIR")
  mustBeAllowed(who, at, SEARCH)
  if (name === ".") return at
  if (name === "..") return at.parent ?? state.root
  if (isTooLong(name)) return fail("ENAMETOOLONG")
  return at.entries.get(name)
}

const walkTo = (walk: Walk, start: DirectoryInode, { parts }: Parsed, count: number, followLast: boolean): Inode => {
  let at: Inode = start
  for (let i = 0; i < count; i++) {
    const next = step(walk, at, parts[i] ?? "")
    if (next === undefined) return fail("ENOENT")
    const follow = next.kind === "SymbolicLink" && (followLast || i < count - 1)
    at = follow && at.kind === "Directory" ? target(walk, at, next) : next
  }
  return at
}

const target = (walk: Walk, directory: DirectoryInode, link: LinkInode): Inode => {
  if (++walk.links > MAX_LINKS) return fail("ELOOP")
  return resolve(walk, directory, parse(link.target), true)
}

const resolve = (walk: Walk, from: DirectoryInode, path: Parsed, follow: boolean): Inode => {
  const start = path.absolute ? walk.state.root : from
  const found = walkTo(walk, start, path, path.parts.length, follow || path.slash)
  if (path.slash && found.kind !== "Directory") return fail("ENOTDIR")
  return found
}

/** What a path stands for. */
export const find = (state: State, who: Who, path: string, follow: boolean): Inode =>
  resolve({ state, who, links: 0 }, state.root, parse(path), follow)

/** Where a name is, or would be. */
export interface Place {
  readonly directory: DirectoryInode
  readonly name: string
  /** Links are not followed. */
  readonly inode: Inode | undefined
  readonly slash: boolean
  /** It is `.`, `..` or the root: no name that can be made or taken away. */
  readonly special: "." | ".." | "/" | undefined
}

const locateFrom = (walk: Walk, from: DirectoryInode, path: Parsed): Place => {
  const start = path.absolute ? walk.state.root : from
  const name = path.parts.at(-1)
  if (name === undefined) return { directory: start, name: "", inode: start, slash: true, special: "/" }
  const directory = walkTo(walk, start, path, path.parts.length - 1, true)
  if (directory.kind !== "Directory") return fail("ENOTDIR")
  const inode = step(walk, directory, name)
  return { directory, name, inode, slash: path.slash, special: name === "." || name === ".." ? name : undefined }
}

export const locate = (state: State, who: Who, path: string): Place =>
  locateFrom({ state, who, links: 0 }, state.root, parse(path))

/** As `locate`; where there is a link, where it points at. `check` is asked about every place on the way. */
export const locateTarget = (state: State, who: Who, path: string, check: (place: Place) => void): Place => {
  const walk: Walk = { state, who, links: 0 }
  let place = locateFrom(walk, state.root, parse(path))
  while (place.inode?.kind === "SymbolicLink") {
    if (++walk.links > MAX_LINKS) return fail("ELOOP")
    place = locateFrom(walk, place.directory, parse(place.inode.target))
    check(place)
  }
  return place
}
