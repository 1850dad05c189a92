import { createHash } from "node:crypto"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import * as zlib from "node:zlib"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { layerCodec } from "../../layers/Codec.ts"
import { layerLookup } from "../../layers/Lookup.ts"
import { layerVolume } from "../../layers/Volume.ts"
import { Commit, EpisodeId, HostId, Sha256 } from "../../src/domain/names.ts"
import type { IndexRow } from "../../src/domain/row.ts"
import type { Arrival } from "../../src/receiver/Dataset.ts"
import * as Fatal from "../../src/receiver/Fatal.ts"
import { layerDataset, layerWriters } from "../../src/receiver/layerDataset.ts"
import { type EpisodeName, incomingPath, type StoreOptions, storedPath } from "../../src/receiver/storePaths.ts"
import { makeFaultyFiles } from "./faultyFiles.ts"
import { COMMIT, directory, file, META, tarOf } from "./tarball.ts"

export const HOST = HostId.make("lab-1")
export const nameOf = (episodeId: string, hostId: string = HOST): EpisodeName => ({
  hostId: HostId.make(hostId),
  episodeId: EpisodeId.make(episodeId)
})

const hash = (bytes: string | Uint8Array): Sha256 => Sha256.make(createHash("sha256").update(bytes).digest("hex"))

/** A sound tarball. `level` changes the tarball and not the content. */
export const makeTarball = (episodeId: string, events: string, level = 3) => {
  const tar = tarOf(
    directory(episodeId),
    file(`${episodeId}/done.marker`),
    file(`${episodeId}/meta.json`, META),
    file(`${episodeId}/events.jsonl`, events)
  )
  const params = { [zlib.constants.ZSTD_c_compressionLevel]: level, [zlib.constants.ZSTD_c_checksumFlag]: level % 2 }
  const tarball: Uint8Array = zlib.zstdCompressSync(tar, { params })
  const manifest = [
    ["done.marker", ""],
    ["events.jsonl", events],
    ["meta.json", META]
  ].map(([path = "", content = ""]) => `${hash(content)}  ${path}\n`)
  return { tarball, sha256: hash(tarball), bytes: tarball.length, contentSha256: hash(manifest.join("")) }
}
export type Tarball = ReturnType<typeof makeTarball>

export const rowFor = (name: EpisodeName, tarball: Tarball, over: Partial<IndexRow> = {}): IndexRow => ({
  schema_version: 1,
  host_id: name.hostId,
  episode_id: name.episodeId,
  sha256: tarball.sha256,
  bytes: tarball.bytes,
  content_sha256: tarball.contentSha256,
  received_at: "2026-01-01T00:00:00.000Z",
  commit: Commit.make(COMMIT),
  ...over
})

const place = (path: string, bytes: string | Uint8Array) => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes, { mode: 0o600 })
  return path
}

/** A receiver's directories below `root`, which hands can put into any state. */
export const makeGround = (root: string) => {
  const options: StoreOptions = {
    storeRoot: `${root}/store`,
    incomingRoot: `${root}/incoming`,
    indexPath: `${root}/index.jsonl`,
    maxMembers: 100,
    maxUnpackedBytes: 10_000_000
  }
  let random = 0
  const files = makeFaultyFiles()
  const world = Layer.mergeAll(layerVolume, layerCodec, layerLookup(options.indexPath), files.layer, Fatal.layer)

  const arrival = (name: EpisodeName, tarball: Tarball): Arrival => {
    const path = place(incomingPath(options.incomingRoot, name, `r${random++}`), tarball.tarball)
    const { bytes, contentSha256, sha256 } = tarball
    return { ...name, path, sha256, bytes, contentSha256, commit: Commit.make(COMMIT), isNew: true }
  }
  return {
    options,
    files,
    arrival,
    storedPath: (name: EpisodeName) => storedPath(options.storeRoot, name),
    putStored: (name: EpisodeName, bytes: string | Uint8Array) => place(storedPath(options.storeRoot, name), bytes),
    putIncoming: (entry: string, bytes: string | Uint8Array = "") => place(`${options.incomingRoot}/${entry}`, bytes),
    putIndex: (text: string) => place(options.indexPath, text),
    index: () => readFileSync(options.indexPath, "utf8"),
    rows: () =>
      readFileSync(options.indexPath, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as IndexRow),
    /** One life of the process: held, repaired, taking arrivals, until the effect ends. */
    life: <A, E>(
      effect: Effect.Effect<A, E, Layer.Success<ReturnType<typeof layerDataset>> | Fatal.Fatal | FileSystem.FileSystem>
    ) => Effect.provide(effect, Layer.provideMerge(layerDataset(options), world), { local: true }),
    /** Like `life` for the commands: the index and the store, nothing repaired. */
    hold: <A, E>(
      effect: Effect.Effect<A, E, Layer.Success<ReturnType<typeof layerWriters>> | Layer.Success<typeof world>>
    ) => Effect.provide(effect, Layer.provideMerge(layerWriters(options), world), { local: true })
  }
}
export type Ground = ReturnType<typeof makeGround>
