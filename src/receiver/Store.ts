import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { type PlatformError, systemError } from "effect/PlatformError"
import type { HostId } from "../domain/names.ts"
import * as Durable from "../durable.ts"
import { orMissing, orTaken } from "../presence.ts"
import { type Inspection, Volume } from "../services/Volume.ts"
import { makeGroupCommit } from "./groupCommit.ts"
import { damagedDirectory, damagedPath, type EpisodeName, hostDirectory, storedPath } from "./storePaths.ts"

/** The stored files, one per name. Nothing is ever overwritten, no link is followed. */
export class Store extends Context.Service<
  Store,
  {
    readonly path: (name: EpisodeName) => string
    /** What lies under the name; `undefined` when nothing does. */
    readonly inspect: (name: EpisodeName) => Effect.Effect<Inspection | undefined, PlatformError>
    /** Gives a synced file its name in the store, durably. False, and nothing done, when the name is taken. */
    readonly link: (from: string, name: EpisodeName) => Effect.Effect<boolean, PlatformError>
    /** Makes a stored file durable whose history is not known: its bytes and its name. */
    readonly settle: (name: EpisodeName) => Effect.Effect<void, PlatformError>
    /** Moves what lies under the name to `damaged/`, durably, and gives its path there. */
    readonly setAside: (name: EpisodeName) => Effect.Effect<string, PlatformError>
  }
>()("cis490/receiver/Store") {}

const DIRECTORY_MODE = 0o700

const noDirectory = (path: string) =>
  systemError({
    _tag: "BadResource",
    module: "Store",
    method: "link",
    description: "this is not a directory of ours; the store follows no links",
    pathOrDescriptor: path
  })

const make = Effect.fnUntraced(function* (storeRoot: string) {
  const fs = yield* FileSystem.FileSystem
  const volume = yield* Volume
  /** Hosts whose directory is known to be durable under its name. */
  const durable = new Set<HostId>()
  const withFiles = Effect.provideService(FileSystem.FileSystem, fs)
  const path = (name: EpisodeName): string => storedPath(storeRoot, name)
  const inspect = (name: EpisodeName) => volume.find(path(name))

  const syncOnce = yield* makeGroupCommit((directories: ReadonlyArray<string>) =>
    Effect.forEach([...new Set(directories)], Durable.syncDirectory, { concurrency: "unbounded", discard: true })
  )

  const ensureHost = Effect.fnUntraced(function* (hostId: HostId) {
    const directory = hostDirectory(storeRoot, hostId)
    const isNew = yield* orTaken(fs.makeDirectory(directory, { mode: DIRECTORY_MODE }))
    if (!isNew && durable.has(hostId)) return
    if ((yield* volume.inspect(directory)).type !== "Directory") return yield* noDirectory(directory)
    // Also when it is not new: whoever made it may not have come to syncing it.
    yield* syncOnce(storeRoot)
    durable.add(hostId)
  })

  const link = Effect.fnUntraced(function* (from: string, name: EpisodeName) {
    if (!durable.has(name.hostId)) yield* ensureHost(name.hostId)
    const syncNames = Effect.orDie(syncOnce(hostDirectory(storeRoot, name.hostId)))
    // Somebody took the directory away: nothing was linked.
    const isGone = ({ reason }: PlatformError) => reason._tag === "NotFound"
    const link = orTaken(fs.link(from, path(name))).pipe(
      // What is said to have failed may be done all the same, and nobody is to take it for stored before it is durable.
      Effect.tapError((error) => (isGone(error) ? Effect.void : syncNames))
    )
    const linked = Effect.catchIf(link, isGone, () => Effect.andThen(ensureHost(name.hostId), link))
    if (!(yield* linked)) return false
    // A crash here leaves a stored file without a row, and its name in `incoming/` that the repair finds. So does a directory that
    // cannot be synced now: the name is there, and nobody must take it for durable.
    yield* syncNames
    return true
  })

  const settle = Effect.fnUntraced(function* (name: EpisodeName) {
    const file = yield* fs.open(path(name), { flag: "r", noFollow: true })
    yield* Durable.syncFile(file)
    yield* ensureHost(name.hostId)
    yield* syncOnce(hostDirectory(storeRoot, name.hostId))
  }, Effect.scoped)

  const setAside = Effect.fnUntraced(function* (name: EpisodeName) {
    yield* withFiles(Durable.makeDirectory(damagedDirectory(storeRoot, name.hostId)))
    let attempt = 0
    while ((yield* orMissing(volume.inspect(damagedPath(storeRoot, name, attempt)))) !== undefined) attempt++
    const aside = damagedPath(storeRoot, name, attempt)
    yield* withFiles(Durable.move(path(name), aside))
    return aside
  })

  return Store.of({ path, inspect, link, settle, setAside })
})

/** `storeRoot` is there and held. */
export const layerStore = (storeRoot: string) => Layer.effect(Store, make(storeRoot))
