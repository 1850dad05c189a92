import * as fs from "node:fs/promises"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerVolume } from "../../layers/Volume.ts"
import { Layout, type Paths, pathsBelow } from "../../src/shipper/layout.ts"
import { scratchDirectory } from "./scratch.ts"

/** An empty data root in a directory of its own, on this machine's disk. */
export const layerDataRoot = Layer.effect(
  Layout,
  Effect.gen(function* () {
    const paths = pathsBelow(`${yield* scratchDirectory}/data`)
    const directories = [paths.episodes, paths.outbox, paths.shipped, paths.quarantine, paths.state]
    yield* Effect.promise(() => Promise.all(directories.map((path) => fs.mkdir(path, { recursive: true }))))
    return paths
  })
).pipe(Layer.provideMerge(Layer.merge(NodeFileSystem.layer, layerVolume)))

export const COMMIT = "0123456789abcdef0123456789abcdef01234567"
export const META = JSON.stringify({ code_version: { commit: COMMIT } })

/** Writes a directory and the files in it; `{}` is an empty one. */
export const put = (directory: string, files: Readonly<Record<string, string>>) =>
  Effect.promise(async () => {
    await fs.mkdir(directory, { recursive: true })
    for (const [name, content] of Object.entries(files)) await fs.writeFile(`${directory}/${name}`, content)
  })

/** A ready episode. */
export const episode = (meta: string = META) => ({ "meta.json": meta, "events.jsonl": "{}\n", "done.marker": "" })

/** The path of everything below the directories of the data root, sorted; `state/` is left out. */
export const tree = (paths: Paths) =>
  Effect.promise(async () => {
    const entries = await fs.readdir(paths.root, { recursive: true, withFileTypes: true })
    return entries
      .map((entry) => `${entry.parentPath.slice(paths.root.length + 1)}/${entry.name}`)
      .filter((path) => path.includes("/") && !path.startsWith("/") && !path.startsWith("state/"))
      .toSorted()
  })
