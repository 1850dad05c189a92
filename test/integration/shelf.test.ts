import * as fs from "node:fs"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import { layerVolume } from "../../layers/Volume.ts"
import type { Order } from "../../src/domain/shipperSettings.ts"
import { Layout, pathsBelow } from "../../src/shipper/layout.ts"
import { openShelf } from "../../src/shipper/outbox.ts"
import { outcome } from "../../src/shipper/run.ts"
import { scratchDirectory } from "../support/scratch.ts"

const writing = (path: string) => Effect.sync(() => fs.writeFileSync(path, ""))
const staysBehind = () => Effect.succeed(outcome("transient_failures"))

/** A shelf of two episodes at a time with these tarballs on it. */
const shelfWith = Effect.fnUntraced(function* (ids: ReadonlyArray<string>, order: Order = "oldest-first") {
  const paths = yield* Layout
  fs.mkdirSync(paths.outbox, { recursive: true })
  for (const id of ids) fs.writeFileSync(paths.tarball(id), id)
  return { shelf: yield* openShelf(2, order), tarballs: () => fs.readdirSync(paths.outbox), path: paths.tarball }
})

const provided = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(scratchDirectory, (directory) => Effect.provideService(effect, Layout, pathsBelow(directory))).pipe(
    Effect.scoped,
    Effect.provide(Layer.mergeAll(NodeFileSystem.layer, layerVolume))
  )

it.effect("episodes that leave no tarball push out none that waits", () =>
  provided(
    Effect.gen(function* () {
      const { shelf, tarballs } = yield* shelfWith(["z"])
      for (const id of ["a", "b", "c", "d", "e"]) yield* shelf.place(id, staysBehind)
      expect(tarballs()).toEqual(["z.tar.zst"])
    })
  )
)

it.effect.each([
  ["oldest-first", ["a", "b", "c", "e"]],
  ["newest-first", ["c", "d", "e", "z"]]
] as const)("episodes that leave a tarball push out those whose turn comes last: %s", ([order, left]) =>
  provided(
    Effect.gen(function* () {
      const { path, shelf, tarballs } = yield* shelfWith(["z"], order)
      for (const id of ["a", "b", "c", "d", "e"]) {
        const fails = shelf.place(id, () => Effect.andThen(writing(path(id)), Effect.fail("cut")))
        expect(yield* Effect.flip(fails)).toBe("cut")
      }
      expect(tarballs()).toEqual(left.map((id) => `${id}.tar.zst`))
    })
  )
)

/** Does what it does to files only once the gate is open. */
const gated = Effect.fnUntraced(function* <A, E, R>(gate: Latch.Latch, effect: Effect.Effect<A, E, R>) {
  const fs = yield* FileSystem.FileSystem
  const remove: typeof fs.remove = (path, options) => Effect.andThen(gate.await, fs.remove(path, options))
  return yield* Effect.provideService(effect, FileSystem.FileSystem, { ...fs, remove })
})

it.effect("an episode that is taken in hand while room is made keeps its tarball", () =>
  provided(
    Effect.gen(function* () {
      const { shelf, tarballs } = yield* shelfWith(["r", "s", "t", "u", "v", "w"])
      const gates = [Latch.makeUnsafe(false), Latch.makeUnsafe(false)] as const
      const start = { startImmediately: true }
      // Both make room at the same time: the first waits at w, the second at u.
      const first = yield* Effect.forkChild(gated(gates[0], shelf.place("a", staysBehind)), start)
      const seen: Array<ReadonlyArray<string>> = []
      const taken = shelf.place("v", () =>
        Effect.andThen(
          Effect.sync(() => void seen.push(tarballs())),
          staysBehind()
        )
      )
      const second = yield* Effect.forkChild(gated(gates[1], taken), start)
      yield* gates[0].open
      yield* Fiber.join(first)
      yield* gates[1].open
      yield* Fiber.join(second)
      expect(seen).toEqual([["r.tar.zst", "s.tar.zst", "v.tar.zst"]])
    })
  )
)
