import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { type HostId, isHostId } from "../domain/names.ts"
import { Volume } from "../services/Volume.ts"
import { type EpisodeName, hostDirectory, parseStored } from "./storePaths.ts"

/** What a walk through the store comes upon. */
export type Found =
  | { readonly _tag: "Episode"; readonly name: EpisodeName }
  /** Neither a host's directory nor an episode's file. */
  | { readonly _tag: "Stray"; readonly path: string }
  /** A host's directory that cannot be listed, or not to its end. */
  | { readonly _tag: "Unlisted"; readonly path: string; readonly error: PlatformError }

const byName = (a: FileSystem.DirectoryEntry, b: FileSystem.DirectoryEntry): number => (a.name < b.name ? -1 : 1)

const listHosts = Effect.fnUntraced(function* (storeRoot: string) {
  const fs = yield* FileSystem.FileSystem
  return (yield* fs.readDirectoryEntries(storeRoot)).toSorted(byName)
})

const foundAs = (directory: string, hostId: HostId, file: string): Found => {
  const episodeId = parseStored(file)
  return episodeId === undefined
    ? { _tag: "Stray", path: `${directory}/${file}` }
    : { _tag: "Episode", name: { hostId, episodeId } }
}

const walkHost = (storeRoot: string, hostId: HostId) => {
  const directory = hostDirectory(storeRoot, hostId)
  return Stream.unwrap(Effect.map(Volume, (volume) => volume.names(directory))).pipe(
    Stream.map((file) => foundAs(directory, hostId, file)),
    Stream.catch((error) => Stream.succeed<Found>({ _tag: "Unlisted", path: directory, error }))
  )
}

/**
 * Everything in the store, one host after the other. Our own names that begin with a dot are passed over. Memory does not grow with the
 * number of episodes.
 */
export const walkStore = (storeRoot: string) =>
  Stream.fromIterableEffect(listHosts(storeRoot)).pipe(
    Stream.filter((entry) => !entry.name.startsWith(".")),
    Stream.flatMap((entry) =>
      isHostId(entry.name) && entry.type === "Directory"
        ? walkHost(storeRoot, entry.name)
        : Stream.succeed<Found>({ _tag: "Stray", path: `${storeRoot}/${entry.name}` })
    )
  )
