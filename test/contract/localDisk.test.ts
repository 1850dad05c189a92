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
import { openDescriptors } from "../../layers/localDisk/descriptors.ts"
import { openFile } from "../../layers/localDisk/openFile.ts"
import { makeSyncs } from "../../layers/localDisk/syncs.ts"
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

const MIB = 1024 * KIB

/** Memory as `makeBlock` gives it for large files. */
const makePages = (bytes: number) => new Uint8Array(new ArrayBuffer(bytes, { maxByteLength: bytes }))

/** Bytes that this process had the disks read so far (proc(5)). */
const readFromDisk = () => Number(/^read_bytes: ([0-9]+)$/m.exec(NodeFs.readFileSync("/proc/self/io", "utf8"))?.[1])

const onDirect = <A>(path: string, use: (descriptor: number) => A): A => {
  const descriptor = NodeFs.openSync(path, NodeFs.constants.O_RDWR | NodeFs.constants.O_DIRECT)
  try {
    return use(descriptor)
  } finally {
    NodeFs.closeSync(descriptor)
  }
}

/** Memory that no page begins with. */
const makeMisaligned = () => new Uint8Array(makePages(MIB + 1).buffer, 1)

/** Whether the file system takes no memory but whole pages, as ext4 and xfs do; btrfs and NFS take any. */
const wantsPages = (path: string): boolean => {
  try {
    onDirect(path, (descriptor) => NodeFs.writeSync(descriptor, makeMisaligned()))
    return false
  } catch {
    return true
  }
}

/** Whether what lies there goes to a disk and not to memory, and may go past the page cache. */
const hasDirect = (path: string): boolean => {
  try {
    return onDirect(path, (descriptor) => {
      NodeFs.writeSync(descriptor, makePages(MIB))
      const before = readFromDisk()
      NodeFs.readSync(descriptor, makePages(MIB), { position: 0 })
      return readFromDisk() - before >= MIB
    })
  } catch {
    return false
  }
}

describe("whole pages", () => {
  const fill = (bytes: Uint8Array) => {
    const pages = makePages(bytes.length)
    pages.set(bytes)
    return pages
  }
  const write = (fs: FileSystem.FileSystem, path: string, whole: number, tail: number) =>
    Effect.scoped(
      Effect.gen(function* () {
        const file = yield* fs.open(path, { flag: "wx", mode: 0o600 })
        for (let i = 0; i < whole; i++) yield* file.writeAll(fill(pattern(MIB).fill(i, 0, 9)))
        yield* file.writeAll(fill(pattern(MIB)).subarray(0, tail))
        yield* file.sync
      })
    )
  const written = (whole: number, tail: number) =>
    Buffer.concat([...Array.from({ length: whole }, (_, i) => pattern(MIB).fill(i, 0, 9)), pattern(tail)])

  it.effect("pass the page cache on their way to a file and from it", (ctx) =>
    inScratch((root, fs) =>
      Effect.gen(function* () {
        const path = join(root, "a")
        NodeFs.writeFileSync(join(root, "probe"), "")
        if (!hasDirect(join(root, "probe"))) return ctx.skip(`${root} is not on a disk with O_DIRECT`)
        yield* write(fs, path, 3, 5000)
        const before = readFromDisk()
        expect(NodeFs.readFileSync(path).equals(written(3, 5000))).toBe(true)
        expect(readFromDisk() - before).toBeGreaterThanOrEqual(3 * MIB)

        // Now all of it lies in the page cache.
        const cached = readFromDisk()
        const file = yield* fs.open(path)
        const pages = makePages(MIB)
        expect(yield* file.read(pages, { position: BigInt(MIB) })).toBe(MIB)
        expect(
          written(3, 5000)
            .subarray(MIB, 2 * MIB)
            .equals(pages)
        ).toBe(true)
        expect(readFromDisk() - cached).toBeGreaterThanOrEqual(MIB)
        expect(yield* file.read(pages, { position: BigInt(3 * MIB) })).toBe(5000)
        expect(yield* file.read(new Uint8Array(MIB), { position: 0n })).toBe(MIB)
        expect(readFromDisk() - cached).toBeLessThan(2 * MIB)
      }).pipe(Effect.scoped)
    )
  )

  it.effect("come whole to a file that is open to be read and written, wherever they go", () =>
    inScratch((root, fs) =>
      Effect.gen(function* () {
        const path = join(root, "a")
        yield* write(fs, path, 2, 0)
        const file = yield* fs.open(path, { flag: "r+" })
        yield* file.seek(7n, "start")
        yield* file.writeAll(fill(pattern(MIB)))
        yield* file.seek(BigInt(2 * MIB), "start")
        yield* file.writeAll(fill(pattern(2 * MIB)))
        const expected = Buffer.concat([written(2, 0), pattern(2 * MIB)])
        pattern(MIB).copy(expected, 7)
        expect(NodeFs.readFileSync(path).equals(expected)).toBe(true)
        const pages = makePages(4 * MIB)
        expect(yield* file.read(pages, { position: 0n })).toBe(4 * MIB)
        expect(expected.equals(pages)).toBe(true)
      }).pipe(Effect.scoped)
    )
  )

  it.effect("go behind what others append", () =>
    inScratch((root, fs) =>
      Effect.gen(function* () {
        const path = join(root, "a")
        const file = yield* fs.open(path, { flag: "a+" })
        NodeFs.appendFileSync(path, "others")
        yield* file.writeAll(fill(pattern(MIB)))
        expect(NodeFs.readFileSync(path).equals(Buffer.concat([Buffer.from("others"), pattern(MIB)]))).toBe(true)
      }).pipe(Effect.scoped)
    )
  )

  it.effect("come through the page cache where there is no other way", () =>
    inScratch((_, fs) =>
      Effect.gen(function* () {
        expect(() => onDirect("/proc/self/comm", () => undefined)).toThrow("EINVAL")
        const file = yield* fs.open("/proc/self/comm")
        const pages = makePages(MIB)
        const bytes = yield* file.read(pages)
        expect(Buffer.from(pages.subarray(0, bytes)).toString()).toBe(NodeFs.readFileSync("/proc/self/comm", "utf8"))
      }).pipe(Effect.scoped)
    )
  )

  it.effect("go through the page cache from then on where the file system turns them back", (ctx) =>
    inScratch((root) =>
      Effect.gen(function* () {
        const path = join(root, "a")
        NodeFs.writeFileSync(path, "")
        if (!hasDirect(path) || !wantsPages(path)) return ctx.skip(`${root} turns nothing back`)
        const descriptors = openDescriptors(path, NodeFs.constants.O_RDWR, undefined)
        const cached: Array<boolean> = []
        const turnedBack = {
          ...descriptors,
          // A disk takes nothing that lies one byte behind a page.
          descriptorFor: (bytes: Uint8Array, at: number) => {
            const descriptor = descriptors.descriptorFor(bytes.length === MIB ? makePages(MIB) : bytes, at)
            cached.push(descriptor === descriptors.cached)
            return descriptor
          }
        }
        const file = openFile(turnedBack, makeSyncs(), false)
        yield* file.writeAll(makeMisaligned().fill(1))
        yield* file.writeAll(makeMisaligned().fill(2))
        descriptors.close()
        expect(cached).toEqual([false, true])
        const bytes = NodeFs.readFileSync(path)
        expect([bytes.length, bytes[0], bytes[MIB]]).toEqual([2 * MIB, 1, 2])
      })
    )
  )

  it.effect("leave no file open", () =>
    inScratch((root, fs) =>
      Effect.gen(function* () {
        const path = join(root, "a")
        const mine = () =>
          NodeFs.readdirSync("/proc/self/fd").filter((name) => {
            const target = `/proc/self/fd/${name}`
            return NodeFs.existsSync(target) && NodeFs.readlinkSync(target).startsWith(root)
          })
        yield* write(fs, path, 1, 0)
        expect(mine()).toEqual([])
        yield* Effect.scoped(Effect.flatMap(fs.open(path), (file) => file.read(makePages(MIB))))
        expect(mine()).toEqual([])
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
