import * as fs from "node:fs"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerCodec } from "../../layers/Codec.ts"
import { layerVolume } from "../../layers/Volume.ts"
import { takeInventory } from "../../src/shipper/inventory.ts"
import { Layout, pathsBelow } from "../../src/shipper/layout.ts"
import { Progress } from "../../src/shipper/Progress.ts"
import { pack } from "../../src/shipper/pack.ts"
import { scratchDirectory } from "../support/scratch.ts"

const ID = "01JC0EPISODE"
const layer = Layer.mergeAll(NodeFileSystem.layer, layerVolume, layerCodec, Progress.layer)

it.effect("an episode that its done.marker was taken from meanwhile is not packed", () =>
  Effect.gen(function* () {
    const paths = pathsBelow(yield* scratchDirectory)
    for (const path of [paths.outbox, paths.episode(ID), `${paths.state}/packed`])
      fs.mkdirSync(path, { recursive: true })
    fs.writeFileSync(`${paths.episode(ID)}/events.jsonl`, "{}\n")
    const packing = Effect.flatMap(takeInventory(paths.episode(ID), ID), (inventory) => pack(ID, inventory, 3))
    const result = yield* Effect.flip(Effect.provideService(packing, Layout, paths))
    expect(result).toMatchObject({ _tag: "ChangedWhilePacking", path: "done.marker" })
    expect(fs.readdirSync(paths.outbox)).toEqual([])
    fs.writeFileSync(`${paths.episode(ID)}/done.marker`, "")
    yield* Effect.provideService(packing, Layout, paths)
    expect(fs.readdirSync(paths.outbox)).toEqual([`${ID}.tar.zst`])
  }).pipe(Effect.scoped, Effect.provide(layer))
)
