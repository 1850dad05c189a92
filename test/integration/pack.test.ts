import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerCodec } from "../../layers/Codec.ts"
import { layerVolume } from "../../layers/Volume.ts"
import { Volume } from "../../src/services/Volume.ts"
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

const MIB = 1024 * 1024

/** Packs an episode with this in it where so much is free; gives what lies in `outbox/` then, or what was said. */
const packOn = Effect.fnUntraced(function* (freeBytes: number, content: Uint8Array) {
  const paths = pathsBelow(yield* scratchDirectory)
  const volume = yield* Volume
  for (const path of [paths.outbox, paths.episode(ID), `${paths.state}/packed`]) fs.mkdirSync(path, { recursive: true })
  fs.writeFileSync(`${paths.episode(ID)}/data.bin`, content)
  fs.writeFileSync(`${paths.episode(ID)}/done.marker`, "")
  const failure = yield* Effect.flatMap(takeInventory(paths.episode(ID), ID), (inventory) =>
    pack(ID, inventory, 3)
  ).pipe(
    Effect.as(""),
    Effect.catchTag("DiskNearlyFull", ({ message }) => Effect.succeed(message)),
    Effect.provideService(Volume, {
      ...volume,
      space: () => Effect.succeed({ freeBytes, totalBytes: 1e12, freeInodes: 1, totalInodes: 1 })
    }),
    Effect.provideService(Layout, paths)
  )
  return { failure, outbox: fs.readdirSync(paths.outbox) }
})

it.live("a tarball that will not fit on a disk that is nearly full is given up; one that will, or may, is made", () =>
  Effect.gen(function* () {
    const random = randomBytes(48 * MIB)
    const tight = yield* packOn(8 * MIB, random)
    expect(tight).toMatchObject({
      failure: expect.stringMatching(/^disk nearly full: 8\.0 MiB are free .*mend/),
      outbox: []
    })
    const made = { failure: "", outbox: [`${ID}.tar.zst`] }
    expect(yield* packOn(20 * MIB, random)).toEqual(made)
    expect(yield* packOn(1, new Uint8Array(48 * MIB))).toEqual(made)
  }).pipe(Effect.scoped, Effect.provide(layer))
)
