/** The calls that change names, with the questions in the order in which Linux asks them (fs/namei.c). */
import { fail } from "./errno.ts"
import { type DirectoryInode, type Inode, makeDirectory, makeLink, makePipe } from "./inode.ts"
import type { State } from "./state.ts"
import { find, locate, mustBeAllowed, type Place, SEARCH, type Who, WRITE } from "./walk.ts"

const mayChange = (who: Who, { directory }: Place): void => mustBeAllowed(who, directory, WRITE | SEARCH)

/** A place where there is nothing yet; a name with a slash behind it can be a directory's only. */
const vacant = (state: State, who: Who, path: string, forDirectory: boolean): Place => {
  const place = locate(state, who, path)
  if (place.special !== undefined || place.inode !== undefined) return fail("EEXIST")
  if (place.slash && !forDirectory) return fail("ENOENT")
  return place
}

const put = (state: State, { directory, name }: Place, inode: Inode): void =>
  state.change({ slots: [{ directory, name, before: undefined, after: inode }] })

export const mkdir = (state: State, who: Who, path: string, mode: number): void => {
  const place = vacant(state, who, path, true)
  mayChange(who, place)
  const inode = state.bear(makeDirectory, mode & 0o1777 & ~who.umask)
  put(state, place, inode)
}

export const symlink = (state: State, who: Who, target: string, path: string): void => {
  if (target === "") return fail("ENOENT")
  const place = vacant(state, who, path, false)
  mayChange(who, place)
  put(
    state,
    place,
    state.bear((birth) => makeLink(birth, target), 0o777)
  )
}

export const mkfifo = (state: State, who: Who, path: string, mode: number): void => {
  const place = vacant(state, who, path, false)
  mayChange(who, place)
  put(state, place, state.bear(makePipe, mode & 0o777 & ~who.umask))
}

export const link = (state: State, who: Who, from: string, to: string): void => {
  const inode = find(state, who, from, false)
  const place = vacant(state, who, to, false)
  mayChange(who, place)
  if (inode.kind === "Directory") return fail("EPERM")
  put(state, place, inode)
}

export const unlink = (state: State, who: Who, path: string): void => {
  const { directory, inode, name, slash, special } = locate(state, who, path)
  if (special !== undefined) return fail("EISDIR")
  if (inode === undefined) return fail("ENOENT")
  if (slash) return fail(inode.kind === "Directory" ? "EISDIR" : "ENOTDIR")
  mustBeAllowed(who, directory, WRITE | SEARCH)
  if (inode.kind === "Directory") return fail("EISDIR")
  state.change({ slots: [{ directory, name, before: inode, after: undefined }] })
}

const cannotGo = { ".": "EINVAL", "..": "ENOTEMPTY", "/": "EBUSY" } as const

export const rmdir = (state: State, who: Who, path: string): void => {
  const { directory, inode, name, special } = locate(state, who, path)
  if (special !== undefined) return fail(cannotGo[special])
  if (inode === undefined) return fail("ENOENT")
  mustBeAllowed(who, directory, WRITE | SEARCH)
  if (inode.kind !== "Directory") return fail("ENOTDIR")
  if (inode.entries.size > 0) return fail("ENOTEMPTY")
  state.change({ slots: [{ directory, name, before: inode, after: undefined }], removed: inode })
}

const contains = (above: Inode, below: DirectoryInode): boolean => {
  for (let at: DirectoryInode | undefined = below; at !== undefined; at = at.parent) if (at === above) return true
  return false
}

/** Whether what is renamed may take the place of what is there. */
const mustFit = (moved: Inode, replaced: Inode): void => {
  if (moved.kind === "Directory" && replaced.kind !== "Directory") fail("ENOTDIR")
  if (moved.kind !== "Directory" && replaced.kind === "Directory") fail("EISDIR")
  if (replaced.kind === "Directory" && replaced.entries.size > 0) fail("ENOTEMPTY")
}

export const rename = (state: State, who: Who, from: string, to: string): void => {
  const old = locate(state, who, from)
  const next = locate(state, who, to)
  if (old.special !== undefined || next.special !== undefined) return fail("EBUSY")
  const [moved, replaced] = [old.inode, next.inode]
  if (moved === undefined) return fail("ENOENT")
  if (moved.kind !== "Directory" && (old.slash || next.slash)) return fail("ENOTDIR")
  if (contains(moved, next.directory)) return fail("EINVAL")
  if (replaced !== undefined && replaced !== moved && contains(replaced, old.directory)) return fail("ENOTEMPTY")
  if (replaced === moved) return
  mayChange(who, old)
  mayChange(who, next)
  const elsewhere = old.directory !== next.directory
  if (moved.kind === "Directory" && elsewhere) mustBeAllowed(who, moved, WRITE)
  if (replaced !== undefined) mustFit(moved, replaced)
  state.change({
    slots: [
      { directory: old.directory, name: old.name, before: moved, after: undefined },
      { directory: next.directory, name: next.name, before: replaced, after: moved }
    ],
    ...(replaced?.kind === "Directory" && { removed: replaced }),
    ...(moved.kind === "Directory" && elsewhere && { moved })
  })
}
