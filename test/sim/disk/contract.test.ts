/** The simulated disk keeps the contract that the real one keeps, and says the same when it does not do as asked. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type { PlatformError } from "effect/PlatformError"
import { layerInPlace } from "../../../layers/LocalDisk.ts"
import { layerVolume } from "../../../layers/Volume.ts"
import { LocalDisk } from "../../../src/services/LocalDisk.ts"
import { LockHeld, Volume } from "../../../src/services/Volume.ts"
import { wordsOf } from "../../../src/systemError.ts"
import { scratchDirectory } from "../../support/scratch.ts"
import { cases } from "./cases/all.ts"
import { type Case, plantTree, wordOf } from "./cases/case.ts"
import { makeComputer } from "./computer.ts"
import { layersOf } from "./layers.ts"

interface Answer {
  readonly gives: unknown
  /** Everything that an error says; the tree is called `/tree` in it. */
  readonly says: unknown
}

const detailsOf = (error: PlatformError | LockHeld, root: string): unknown => {
  const named = (text: string): string => text.replaceAll(root, "/tree")
  if (error instanceof LockHeld) return { path: named(error.path) }
  const { method, module } = error.reason
  if (error.reason._tag === "BadArgument") return { module, method }
  const { pathOrDescriptor, syscall } = error.reason
  const about = typeof pathOrDescriptor === "number" ? "a descriptor" : named(pathOrDescriptor ?? "nothing")
  return {
    module,
    method,
    syscall,
    about,
    words: named(wordsOf(error)),
    message: named(error.message).replace(/\(\d+\)/, "(fd)")
  }
}

/** Does one case in the tree that is planted in `root`. */
const answer = (each: Case, root: string): Effect.Effect<Answer, never, FileSystem.FileSystem | Volume> =>
  Effect.gen(function* () {
    const hands = { fs: yield* FileSystem.FileSystem, volume: yield* Volume, at: (name: string) => `${root}/${name}` }
    yield* Effect.orDie(plantTree(hands))
    return yield* each.act(hands).pipe(
      Effect.scoped,
      Effect.match({
        onSuccess: (gives): Answer => ({ gives, says: undefined }),
        onFailure: (error): Answer => ({ gives: wordOf(error), says: detailsOf(error, root) })
      })
    )
  })

const layerReal = Layer.merge(NodeFileSystem.layer, layerVolume)

/** The same disk, whose small answers come in place. */
const layerLocal = Layer.effectContext(
  Effect.map(LocalDisk, ({ files, volume }) =>
    Context.make(FileSystem.FileSystem, files).pipe(Context.add(Volume, volume))
  )
).pipe(Layer.provide(layerInPlace.pipe(Layer.provide(layerReal))))

const onRealDisk = (each: Case, layer: Layer.Layer<FileSystem.FileSystem | Volume> = layerReal): Promise<Answer> =>
  Effect.runPromise(
    Effect.scoped(Effect.flatMap(scratchDirectory, (root) => answer(each, root)).pipe(Effect.provide(layer))).pipe(
      Effect.provide(NodeFileSystem.layer)
    )
  )

const onSimulatedDisk = (each: Case): Answer => {
  const { disk, perform } = makeComputer(each.does)
  disk.mkdir("/root")
  const exit = perform((process) => answer(each, "/root").pipe(Effect.provide(layersOf(process))))
  if (exit === undefined || Exit.isFailure(exit))
    throw new Error(exit === undefined ? "it hangs" : Cause.pretty(exit.cause))
  return exit.value
}

describe("a disk", () => {
  let umask = 0
  beforeAll(() => {
    umask = process.umask(0o077)
  })
  afterAll(() => void process.umask(umask))

  describe.each(cases)("$does", (each) => {
    it("the real one", async () => {
      expect((await onRealDisk(each)).gives).toEqual(each.gives)
    })

    it("the real one asked in place, in the same words", async () => {
      expect(await onRealDisk(each, layerLocal)).toEqual(await onRealDisk(each))
    })

    it("the simulated one, in the same words", async () => {
      const simulated = onSimulatedDisk(each)
      expect(simulated.gives).toEqual(each.gives)
      expect(simulated.says).toEqual((await onRealDisk(each)).says)
    })
  })
})
