import { mkdirSync, writeFileSync } from "node:fs"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { layerVolume } from "../../layers/Volume.ts"
import { type Found, walkStore } from "../../src/receiver/walkStore.ts"
import { Volume } from "../../src/services/Volume.ts"
import { errno } from "../support/faultyFiles.ts"
import { scratchDirectory } from "../support/scratch.ts"

const words = (found: Found): string =>
  found._tag === "Episode" ? `${found.name.hostId}/${found.name.episodeId}` : `${found._tag} ${found.path}`

/** A disk on which one host's directory cannot be listed, and no host's is read as a whole. */
const disk = Layer.merge(
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs) => ({
      ...fs,
      readDirectory: (path: string) => Effect.die(new Error(`all of ${path} at once`)),
      readDirectoryEntries: (path: string) =>
        /lab-\d$/.test(path) ? Effect.die(new Error(`all of ${path} at once`)) : fs.readDirectoryEntries(path)
    }))
  ).pipe(Layer.provide(NodeFileSystem.layer)),
  Layer.effect(
    Volume,
    Effect.map(Volume, (volume) => ({
      ...volume,
      names: (path: string) => (path.endsWith("lab-3") ? Stream.fail(errno("EACCES", path)) : volume.names(path))
    }))
  ).pipe(Layer.provide(layerVolume))
)

const put = (store: string, host: string, names: ReadonlyArray<string>) => {
  mkdirSync(`${store}/${host}`, { recursive: true })
  for (const name of names) writeFileSync(`${store}/${host}/${name}`, "")
}

describe("a walk through the store", () => {
  it.effect("comes upon everything once, and goes on behind what it cannot list", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const store = yield* scratchDirectory
        const ids = Array.from({ length: 1001 }, (_, i) => `e${i}`)
        put(store, "lab-1", [...ids.map((id) => `${id}.tar.zst`), "notes.txt"])
        put(store, "lab-2", [])
        put(store, "lab-3", ["e1.tar.zst"])
        put(store, "lab-4", ["e1.tar.zst"])
        writeFileSync(`${store}/.lock`, "")
        writeFileSync(`${store}/lost`, "")
        const seen = [...(yield* Stream.runCollect(walkStore(store)).pipe(Effect.provide(disk)))].map(words)
        assert.sameMembers(seen, [
          ...ids.map((id) => `lab-1/${id}`),
          `Stray ${store}/lab-1/notes.txt`,
          `Unlisted ${store}/lab-3`,
          "lab-4/e1",
          `Stray ${store}/lost`
        ])
        assert.strictEqual(seen.length, ids.length + 4)
      })
    )
  )
})
