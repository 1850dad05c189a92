/** What is large, long or odd on the local disk; the rest of its contract is `test/sim/disk/contract.test.ts`. */
import * as NodeFs from "node:fs"
import { join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { layerInPlace } from "../../layers/LocalDisk.ts"
import { layerVolume } from "../../layers/Volume.ts"
import { onLocalDisk } from "../../src/services/LocalDisk.ts"
import { Volume } from "../../src/services/Volume.ts"
import { scratchDirectory } from "../support/scratch.ts"

const layer = layerInPlace.pipe(Layer.provideMerge(Layer.merge(layerVolume, NodeFileSystem.layer)))

const inScratch = <A, E>(
  test: (root: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E, FileSystem.FileSystem | Volume>
) =>
  scratchDirectory.pipe(
    Effect.flatMap((root) => onLocalDisk(Effect.flatMap(FileSystem.FileSystem, (fs) => test(root, fs)))),
    Effect.scoped,
    Effect.provide(layer)
  )

const KIB = 1024
const pattern = (bytes: number): Buffer => Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => (i * 7) % 251))

describe.each([128 * KIB, 128 * KIB + 1])("%d bytes", (bytes) => {
  it.effect("are written to a new file and read again", () =>
    inScratch((root, fs) =>
      Effect.gen(function* () {
        yield* fs.writeFile(join(root, "a"), pattern(bytes), { flag: "wx" })
        expect(pattern(bytes).equals(yield* fs.readFile(join(root, "a")))).toBe(true)
      })
    )
  )

  it.effect("are written one behind the other, and read from anywhere", () =>
    inScratch((root, fs) =>
      Effect.gen(function* () {
        const path = join(root, "a")
        const written = Effect.gen(function* () {
          const file = yield* fs.open(path, { flag: "wx", mode: 0o600 })
          yield* file.writeAll(pattern(bytes))
          yield* file.writeAll(pattern(bytes))
          yield* file.truncate(bytes + 5)
          yield* file.writeAll(Buffer.from("end"))
        })
        yield* Effect.scoped(written)
        expect(NodeFs.readFileSync(path).equals(Buffer.concat([pattern(bytes), pattern(5), Buffer.from("end")]))).toBe(
          true
        )
        const file = yield* fs.open(path, { flag: "r" })
        const buffer = new Uint8Array(bytes)
        expect(yield* file.read(buffer, { position: BigInt(bytes) })).toBe(8)
        expect(yield* file.read(buffer)).toBe(bytes)
        expect(pattern(bytes).equals(buffer)).toBe(true)
      }).pipe(Effect.scoped)
    )
  )

  it.effect("go with their last name, and stay with another", () =>
    inScratch((root, fs) =>
      Effect.gen(function* () {
        yield* fs.writeFile(join(root, "a"), pattern(bytes), { flag: "wx" })
        yield* fs.link(join(root, "a"), join(root, "b"))
        yield* fs.remove(join(root, "a"), { force: true })
        expect(NodeFs.statSync(join(root, "b")).size).toBe(bytes)
        yield* fs.remove(join(root, "b"), { force: true })
        expect(NodeFs.readdirSync(root)).toEqual([])
      })
    )
  )
})

it.effect("a file is closed only when what is being written to it is written, whoever stops waiting", () =>
  inScratch((root, fs) =>
    Effect.gen(function* () {
      const path = join(root, "a")
      const bytes = pattern(4096 * KIB)
      const writing = Effect.scoped(Effect.flatMap(fs.open(path, { flag: "wx" }), (file) => file.writeAll(bytes)))
      const fiber = yield* Effect.forkChild(writing, { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      expect(Exit.isFailure(yield* Fiber.await(fiber))).toBe(true)
      expect(NodeFs.readFileSync(path).equals(bytes)).toBe(true)
    })
  )
)

describe("a directory of very many names", () => {
  it.effect("is looked at whole, while others go on", () =>
    inScratch((root) =>
      Effect.gen(function* () {
        const volume = yield* Volume
        const names = Array.from({ length: 600 }, (_, i) => `n${i}`)
        for (const name of names) NodeFs.writeFileSync(join(root, name), name)
        let turns = 0
        const others = yield* Effect.forkChild(
          Effect.forever(
            Effect.andThen(
              Effect.sync(() => void turns++),
              Effect.yieldNow
            )
          ),
          { startImmediately: true }
        )
        const before = turns
        const all = yield* volume.findAll(root)
        expect(turns).toBeGreaterThan(before)
        yield* Fiber.interrupt(others)
        expect(all.map(({ name }) => name).toSorted()).toEqual(names.toSorted())
        expect(all.every(({ inspection, name }) => inspection?.size === name.length)).toBe(true)
      })
    )
  )

  it.effect("has names that nothing is found under, where they are not UTF-8", () =>
    inScratch((root) =>
      Effect.gen(function* () {
        const volume = yield* Volume
        NodeFs.writeFileSync(Buffer.concat([Buffer.from(`${root}/x`), Buffer.from([0xff])]), "")
        expect(yield* volume.findAll(root)).toEqual([{ name: "x\uFFFD", inspection: undefined }])
      })
    )
  )
})
