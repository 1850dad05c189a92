/** Directories that a program works in: there, ours, writable, on one filesystem. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { orMissing } from "../presence.ts"
import { codeOf, wordsOf } from "../systemError.ts"
import { type Finding, green, red } from "./row.ts"
import { word, words } from "./shell.ts"

export interface Place {
  readonly path: string
  /** `undefined` when nothing is there. */
  readonly type: FileSystem.File.Type | undefined
  /** Who owns it; a user's number. */
  readonly owner: number | undefined
  readonly device: bigint | undefined
  /** Why nothing can be written there, in words. */
  readonly closed: string | undefined
}

export interface Mends {
  /** Whom the service runs as; `undefined` where there is none, or it is root's. */
  readonly user: string | undefined
  /** Makes what is missing. */
  readonly make: (missing: ReadonlyArray<string>) => string
  /** Brings together what is not on one filesystem: the paths that are not where the first is. */
  readonly together: (apart: ReadonlyArray<string>) => string
  /** Looks again as a user who may. */
  readonly asRoot: string
}

const list = (places: ReadonlyArray<Place>): string => places.map(({ path }) => path).join(", ")

/** Makes directories that are the user's, before what makes the rest; what root makes, the service could not write to. */
export const madeFor = (user: string | undefined, paths: ReadonlyArray<string>, rest: string): string =>
  user === undefined || paths.length === 0
    ? rest
    : `sudo install -d -o ${word(user)} -g ${word(user)} -m 750 ${words(paths)} && ${rest}`

const ROOT = 0

/** Gives away all that is in the store or the data root; of a directory that may be others' too, where the index lies, the files of root's. */
const give = (to: string, places: ReadonlyArray<Place>, isOurs: (place: Place) => boolean): string => {
  const paths = (which: ReadonlyArray<Place>): string => words(which.map(({ path }) => path))
  const ours = places.filter(isOurs)
  const shared = places.filter((place) => !isOurs(place))
  return [
    ...(ours.length > 0 ? [`sudo chown -R -H ${to} ${paths(ours)}`] : []),
    ...(shared.length > 0
      ? [
          `sudo chown ${to} ${paths(shared)}`,
          `sudo find -H ${paths(shared)} -maxdepth 1 -type f -user root -exec chown ${to} {} +`
        ]
      : [])
  ].join(" && ")
}

/** The first is the one that the others are measured by; `together` are to be on one filesystem. */
export const judgeDirectories = (
  places: ReadonlyArray<Place>,
  together: ReadonlyArray<string>,
  { asRoot, make, together: bring, user }: Mends
): Finding => {
  const [top] = places
  const isOurs = (place: Place): boolean => place === top || together.includes(place.path)
  const wrong = places.find(({ type }) => type !== undefined && type !== "Directory")
  if (wrong !== undefined)
    return red(
      `${wrong.path} is no directory but ${wrong.type}`,
      `sudo mv --backup=numbered -T ${words([wrong.path, `${wrong.path}.away`])} && ${make([wrong.path])}`
    )
  const roots = user === undefined ? [] : places.filter(({ owner }) => owner === ROOT)
  if (user !== undefined && top !== undefined && roots.includes(top)) {
    return red(`root's, and the service runs as ${user}: ${list(roots)}`, give(word(`${user}:`), roots, isOurs))
  }
  const missing = places.filter(({ type }) => type === undefined)
  if (missing.length > 0) return red(`not there: ${list(missing)}`, make(missing.map(({ path }) => path)))
  const mounts = places.filter(({ path }) => together.includes(path))
  if (new Set(mounts.map(({ device }) => device)).size > 1) {
    const apart = mounts.filter(({ device }) => device !== top?.device).map(({ path }) => path)
    return red(`not on one filesystem: ${list(mounts)}`, bring(apart))
  }
  const strange = places.filter(({ owner }) => owner !== top?.owner)
  if (top !== undefined && strange.length > 0) {
    return red(
      `not owned by the user who owns ${top.path}: ${list(strange)}`,
      give(`--reference=${word(top.path)}`, strange, isOurs)
    )
  }
  const closed = places.find((place) => place.closed !== undefined)
  if (closed !== undefined) {
    const denied = /EACCES|EPERM/.test(closed.closed ?? "")
    return red(`this user cannot write: ${closed.closed}`, denied ? asRoot : `findmnt --target ${word(closed.path)}`)
  }
  return green(mounts.length > 1 ? "there, ours, writable, on one filesystem" : "there, ours, writable")
}

const lookAt = Effect.fnUntraced(function* (path: string, mayBeLink: boolean) {
  const fs = yield* FileSystem.FileSystem
  const info = yield* orMissing(mayBeLink ? fs.stat(path) : fs.lstat(path))
  if (info?.type !== "Directory") {
    return { path, type: info?.type, owner: undefined, device: undefined, closed: undefined } satisfies Place as Place
  }
  const closed = yield* fs.access(path, { readable: true, writable: true }).pipe(
    Effect.match({
      onFailure: (error) => `${codeOf(error) ?? ""} ${wordsOf(error)}`.trim().replace(/^(E[A-Z]+) \1/, "$1"),
      onSuccess: () => undefined
    })
  )
  return {
    path,
    type: info.type,
    owner: Option.getOrUndefined(info.uid),
    device: info.dev,
    closed
  } satisfies Place as Place
})

/** `links`: those that may be links to directories. */
export const lookAtDirectories = (
  paths: ReadonlyArray<string>,
  together: ReadonlyArray<string>,
  links: ReadonlyArray<string>,
  mends: Mends
) =>
  Effect.map(
    Effect.forEach(paths, (path) => lookAt(path, links.includes(path))),
    (places) => [judgeDirectories(places, together, mends)]
  )
