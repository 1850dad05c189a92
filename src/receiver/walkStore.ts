import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import { type HostId, isHostId } from "../domain/names.ts"
import { type EpisodeName, hostDirectory, parseStored } from "./storePaths.ts"

/** What a walk through the store comes upon. */
export type Found =
  | { readonly _tag: "Episode"; readonly name: EpisodeName }
  /** Neither a host's directory nor an episode's file. */
  | { readonly _tag: "Stray"; readonly path: string }

const byName = (a: FileSystem.DirectoryEntry, b: FileSystem.DirectoryEntry): number => (a.name < b.name ? -1 : 1)

const list = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  return (yield* fs.readDirectoryEntries(path)).toSorted(byName)
})

const hostEntry =
  (storeRoot: string, hostId: HostId) =>
  (entry: FileSystem.DirectoryEntry): Found => {
    const episodeId = parseStored(entry.name)
    return episodeId === undefined
      ? { _tag: "Stray", path: `${hostDirectory(storeRoot, hostId)}/${entry.name}` }
      : { _tag: "Episode", name: { hostId, episodeId } }
  }

/** Everything in the store by host and episode, listed one host at a time. Our own names that begin with a dot are passed over. */
export const walkStore = (storeRoot: string) =>
  Stream.fromIterableEffect(list(storeRoot)).pipe(
    Stream.filter((entry) => !entry.name.startsWith(".")),
    Stream.flatMap((entry) =>
      isHostId(entry.name) && entry.type === "Directory"
        ? Stream.fromIterableEffect(
            Effect.map(list(`${storeRoot}/${entry.name}`), (entries) =>
              entries.map(hostEntry(storeRoot, entry.name as HostId))
            )
          )
        : Stream.succeed<Found>({ _tag: "Stray", path: `${storeRoot}/${entry.name}` })
    )
  )
