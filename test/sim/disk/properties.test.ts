/** What holds of every power cut, whatever was done before. */
import { describe, expect, it } from "@effect/vitest"
import { makeRandom, type Random } from "../kernel/random.ts"
import { Disk, type View } from "./disk.ts"
import { DiskError } from "./errno.ts"

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed)
const CUTS = 8
const NAMES = ["a", "b", "c"]

const makeDisk = (): Disk => new Disk({ capacityBytes: 1 << 20, now: () => 0n })

const somePath = (random: Random): string =>
  Array.from({ length: random.pick([1, 1, 2, 3]) }, () => `/${random.pick(NAMES)}`).join("")

const attempt = (act: () => void): void => {
  try {
    act()
  } catch (thrown) {
    if (!(thrown instanceof DiskError)) throw thrown
  }
}

const noise = (random: Random): Uint8Array => Uint8Array.from({ length: random.int(1200) }, () => 1 + random.int(255))

const withFile = (disk: Disk, path: string, act: (file: ReturnType<Disk["open"]>) => void): void => {
  const file = disk.open(path, { read: true, write: true, create: true })
  act(file)
  disk.close(file)
}

const sync = (disk: Disk, path: string): void => {
  const file = disk.open(path, { read: true })
  disk.fsync(file)
  disk.close(file)
}

/** What only adds. */
const additions: ReadonlyArray<(disk: Disk, random: Random) => unknown> = [
  (disk, random) => disk.mkdir(somePath(random)),
  (disk, random) => withFile(disk, somePath(random), (file) => disk.write(file, noise(random), disk.fstat(file).size)),
  (disk, random) => disk.link(somePath(random), somePath(random)),
  (disk, random) => sync(disk, somePath(random)),
  (disk, random) => random.chance(0.3) && sync(disk, "/")
]

const changes: typeof additions = [
  ...additions,
  (disk, random) => disk.rename(somePath(random), somePath(random)),
  (disk, random) => disk.rename(somePath(random), somePath(random)),
  (disk, random) => disk.unlink(somePath(random)),
  (disk, random) => disk.rmdir(somePath(random)),
  (disk, random) => withFile(disk, somePath(random), (file) => disk.write(file, noise(random), random.int(900))),
  (disk, random) => withFile(disk, somePath(random), (file) => disk.ftruncate(file, random.int(900))),
  (disk, random) => withFile(disk, somePath(random), (file) => disk.failSync(file))
]

const lived = (seed: number, acts: typeof additions): { readonly disk: Disk; readonly random: Random } => {
  const random = makeRandom(seed)
  const disk = makeDisk()
  for (let i = 0; i < 60; i++) attempt(() => random.pick(acts)(disk, random))
  return { disk, random }
}

/** Path → what it is: a directory, or bytes. */
const tree = (view: View, path = "", all = new Map<string, Uint8Array | "/">()): Map<string, Uint8Array | "/"> => {
  for (const name of view.list(path) ?? []) {
    const below = `${path}/${name}`
    if (below.length > 100) throw new Error(`a ring: ${below}`)
    all.set(below, view.read(below) ?? "/")
    tree(view, below, all)
  }
  return all
}

const ids = (view: View): ReadonlyMap<string, number | undefined> =>
  new Map([...tree(view).keys()].map((path) => [path, view.inode(path)?.id]))

/** Names of directories: none has two. */
const everyDirectoryOnce = (view: View): void => {
  const directories = [...tree(view).entries()].filter(([, what]) => what === "/").map(([path]) => view.inode(path)?.id)
  expect(new Set(directories).size).toBe(directories.length)
}

describe("after any power cut", () => {
  it("what was synced as it stands is there", () => {
    for (const seed of SEEDS) {
      const { disk, random } = lived(seed, changes)
      disk.syncAll()
      // Rewritten, so that nothing of it was lost by a sync that failed.
      for (const [path, what] of tree(disk.current())) {
        if (what !== "/") withFile(disk, path, (file) => disk.write(file, what.slice(), 0))
      }
      disk.syncAll()
      const whole = tree(disk.current())
      expect(disk.pending).toBe(0)
      expect(tree(disk.durable())).toEqual(whole)
      disk.powerCut(random)
      expect(tree(disk.current())).toEqual(whole)
    }
  })

  it("the tree is a tree, and all of it is durable", () => {
    for (const seed of SEEDS) {
      const { disk, random } = lived(seed, changes)
      for (let cut = 0; cut < CUTS; cut++) everyDirectoryOnce(disk.afterPowerCut(random))
      for (const view of disk.aftermaths()) everyDirectoryOnce(view)
      disk.powerCut(random)
      expect(tree(disk.durable())).toEqual(tree(disk.current()))
      expect(disk.pending).toBe(0)
      const before = tree(disk.current())
      disk.powerCut(random)
      expect(tree(disk.current())).toEqual(before)
    }
  })

  it("no more is there than was, and no number stands for two", () => {
    for (const seed of SEEDS) {
      const { disk, random } = lived(seed, changes)
      disk.powerCut(random)
      const all = [...tree(disk.current()).keys()].map((path) => disk.lstat(path))
      const inos = new Map(all.map((stat) => [stat.ino, stat]))
      const idsFound = new Set([...tree(disk.current()).keys()].map((path) => disk.current().inode(path)?.id))
      expect(inos.size).toBe(idsFound.size)
      const { freeInodes, totalInodes, freeBytes, totalBytes } = disk.statfs("/")
      expect(totalInodes - freeInodes).toBe(inos.size + 1)
      const size = [...inos.values()].reduce((sum, stat) => sum + stat.size, disk.lstat("/").size)
      expect(totalBytes - freeBytes).toBe(size)
    }
  })

  it("what is durable is the least of it, where things are only added", () => {
    for (const seed of SEEDS) {
      const { disk, random } = lived(seed, additions)
      const [least, most] = [tree(disk.durable()), tree(disk.current())]
      const [leastIds, mostIds] = [ids(disk.durable()), ids(disk.current())]
      for (let cut = 0; cut < CUTS; cut++) {
        const view = disk.afterPowerCut(random)
        const found = tree(view)
        for (const [path, id] of ids(view)) expect(id, path).toBe(mostIds.get(path))
        for (const [path, id] of leastIds) expect(view.inode(path)?.id, path).toBe(id)
        for (const [path, what] of least) {
          const kept = found.get(path)
          if (what === "/" || kept === "/" || kept === undefined) expect(kept, path).toBe(what)
          else expect(kept.subarray(0, what.length), path).toEqual(what)
        }
        for (const [path, what] of found) {
          const whole = most.get(path)
          if (what !== "/" && whole !== "/") expect(what.length, path).toBeLessThanOrEqual(whole?.length ?? -1)
        }
      }
    }
  })

  it("nothing of the names is pending in what comes first of all that may be left", () => {
    for (const seed of SEEDS.slice(0, 100)) {
      const { disk } = lived(seed, changes)
      const [first] = disk.aftermaths()
      if (first === undefined) throw new Error("nothing may be left")
      expect(ids(first)).toEqual(ids(disk.durable()))
    }
  })
})

describe("a version", () => {
  it("stays while bytes and names do", () => {
    for (const seed of SEEDS.slice(0, 100)) {
      const random = makeRandom(seed)
      const disk = makeDisk()
      const seen = new Map<string, string>()
      for (let i = 0; i < 60; i++) {
        attempt(() => random.pick(changes)(disk, random))
        for (const [sight, view] of [
          ["current", disk.current()],
          ["durable", disk.durable()],
          ["durable", disk.afterPowerCut(random)]
        ] as const) {
          for (const [path, what] of tree(view)) {
            const inode = view.inode(path)
            const content =
              what === "/" ? (view.list(path) ?? []).toSorted().join("/") : Buffer.from(what).toString("base64")
            const key = `${sight} ${inode?.id} ${inode?.version}`
            expect(seen.get(key) ?? content, `${key} ${path}`).toBe(content)
            seen.set(key, content)
          }
          const prints = view.print("/") ?? ""
          const whole = JSON.stringify([...ids(view)].toSorted())
          expect(seen.get(`${sight} ${prints}`) ?? whole).toBe(whole)
          seen.set(`${sight} ${prints}`, whole)
        }
      }
    }
  })
})
