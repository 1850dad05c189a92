/** What a power cut may and may not leave, over many of them. */
import { describe, expect, it } from "@effect/vitest"
import { makeRandom } from "../kernel/random.ts"
import { Disk, type OpenFlags } from "./disk.ts"

const SEEDS = Array.from({ length: 400 }, (_, seed) => seed)
const NEW: OpenFlags = { write: true, create: true, truncate: true }

const makeDisk = (): Disk => new Disk({ capacityBytes: 1 << 20, now: () => 0n })
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const write = (disk: Disk, path: string, text: string, flags: OpenFlags = NEW, position = 0): void => {
  const file = disk.open(path, flags)
  disk.write(file, bytes(text), position)
  disk.close(file)
}
const sync = (disk: Disk, path: string): void => {
  const file = disk.open(path, { read: true })
  disk.fsync(file)
  disk.close(file)
}
const read = (disk: Disk, path: string): string | undefined => {
  const found = disk.current().read(path)
  return found === undefined ? undefined : new TextDecoder().decode(found)
}
/** Every name and what a file holds. */
const tree = (disk: Disk, path = ""): ReadonlyArray<string> =>
  (disk.current().list(path) ?? [])
    .toSorted()
    .flatMap((name) => [`${path}/${name}=${read(disk, `${path}/${name}`) ?? "/"}`, ...tree(disk, `${path}/${name}`)])

/** What `look` finds after the power went when `act` was done, each once, sorted. */
const found = <A>(act: (disk: Disk) => void, look: (disk: Disk) => A): ReadonlyArray<A> => {
  const all = SEEDS.map((seed) => {
    const disk = makeDisk()
    act(disk)
    disk.powerCut(makeRandom(seed))
    return look(disk)
  })
  return [...new Set(all)].toSorted()
}

const ONCE = "0123456789"

describe("bytes", () => {
  it("are there when they and their name were synced", () => {
    const act = (disk: Disk) => {
      write(disk, "/a", ONCE)
      sync(disk, "/a")
      sync(disk, "/")
    }
    expect(found(act, (disk) => read(disk, "/a"))).toEqual([ONCE])
  })

  it("that were not synced are there, or not, or in part", () => {
    const act = (disk: Disk) => {
      write(disk, "/a", ONCE)
      sync(disk, "/")
    }
    const left = found(act, (disk) => read(disk, "/a") ?? "no name")
    expect(left).toEqual(expect.arrayContaining(["", ONCE, "01234"]))
    // Room was made for them, and nothing was written.
    expect(left.some((text) => /^\0+$/.test(text))).toBe(true)
    expect(left).not.toContain("no name")
  })

  it("that were synced stay whatever is appended", () => {
    const act = (disk: Disk) => {
      write(disk, "/a", ONCE)
      disk.syncAll()
      write(disk, "/a", "more", { write: true, append: true })
    }
    const left = found(act, (disk) => read(disk, "/a") ?? "")
    expect(left.every((text) => text.startsWith(ONCE) && text.length <= 14)).toBe(true)
    expect(left).toEqual(expect.arrayContaining([ONCE, `${ONCE}mo`, `${ONCE}more`]))
  })

  it("of a file that is written over may be of both, or of neither", () => {
    const [old, next] = ["o".repeat(1500), "n".repeat(1500)]
    const begin = (disk: Disk) => {
      write(disk, "/a", old)
      disk.syncAll()
    }
    const inPlace = found(
      (disk) => {
        begin(disk)
        write(disk, "/a", next, { write: true })
      },
      (disk) => read(disk, "/a") ?? ""
    )
    expect(inPlace).toEqual(expect.arrayContaining([old, next]))
    expect(inPlace.some((text) => /^n+o+$/.test(text))).toBe(true)
    expect(inPlace.every((text) => /^[on]{1500}$/.test(text))).toBe(true)
    const anew = found(
      (disk) => {
        begin(disk)
        write(disk, "/a", next)
      },
      (disk) => read(disk, "/a") ?? ""
    )
    expect(anew).toEqual(expect.arrayContaining([old, next]))
    expect(anew.some((text) => text.length < 1500)).toBe(true)
  })

  it("that a failed sync should have written are not saved by the next one, only by writing them again", () => {
    const begin = (disk: Disk) => {
      disk.syncAll()
      const file = disk.open("/a", { write: true, create: true })
      disk.write(file, bytes(ONCE), 0)
      disk.failSync(file)
      sync(disk, "/")
      return file
    }
    const lost = (disk: Disk) => {
      const file = begin(disk)
      disk.fsync(file)
      expect(read(disk, "/a")).toBe(ONCE)
      expect(disk.durable().read("/a")).toEqual(new Uint8Array(10))
    }
    expect(found(lost, (disk) => read(disk, "/a"))).toContain("\0".repeat(10))
    const saved = (disk: Disk) => {
      const file = begin(disk)
      disk.write(file, bytes(ONCE), 0)
      disk.fsync(file)
    }
    expect(found(saved, (disk) => read(disk, "/a"))).toEqual([ONCE])
  })
})

describe("names", () => {
  it("do not become durable with what they name", () => {
    const act = (disk: Disk) => {
      write(disk, "/a", ONCE)
      sync(disk, "/a")
    }
    expect(found(act, (disk) => read(disk, "/a") ?? "no name")).toEqual([ONCE, "no name"])
  })

  it("that were taken away may come back, until their directory is synced", () => {
    const act = (disk: Disk) => {
      write(disk, "/a", ONCE)
      disk.syncAll()
      disk.unlink("/a")
    }
    expect(found(act, (disk) => read(disk, "/a") ?? "no name")).toEqual([ONCE, "no name"])
    const synced = (disk: Disk) => {
      act(disk)
      sync(disk, "/")
    }
    expect(found(synced, (disk) => read(disk, "/a") ?? "no name")).toEqual(["no name"])
  })

  it("that are linked are there or not, and what they name is whole", () => {
    const act = (disk: Disk) => {
      write(disk, "/a", ONCE)
      disk.syncAll()
      disk.link("/a", "/b")
    }
    expect(found(act, (disk) => tree(disk).join(" "))).toEqual([`/a=${ONCE}`, `/a=${ONCE} /b=${ONCE}`])
  })

  it("are renamed in one step: over what was there, and between directories", () => {
    const act = (disk: Disk) => {
      for (const name of ["/from", "/to"]) disk.mkdir(name)
      write(disk, "/from/new", "new")
      write(disk, "/to/a", "old")
      disk.syncAll()
      disk.rename("/from/new", "/to/a")
    }
    const before = "/from=/ /from/new=new /to=/ /to/a=old"
    const after = "/from=/ /to=/ /to/a=new"
    expect(found(act, (disk) => tree(disk).join(" "))).toEqual([before, after])
    for (const either of ["/from", "/to"]) {
      const synced = (disk: Disk) => {
        act(disk)
        sync(disk, either)
      }
      expect(found(synced, (disk) => tree(disk).join(" "))).toEqual([after])
    }
  })

  it("of whole directories are renamed in one step, with all in them", () => {
    const act = (disk: Disk) => {
      for (const name of ["/from", "/from/e", "/to"]) disk.mkdir(name)
      write(disk, "/from/e/f", ONCE)
      disk.syncAll()
      disk.rename("/from/e", "/to/e")
    }
    expect(found(act, (disk) => tree(disk).join(" "))).toEqual([
      `/from=/ /from/e=/ /from/e/f=${ONCE} /to=/`,
      `/from=/ /to=/ /to/e=/ /to/e/f=${ONCE}`
    ])
  })

  it("that are durable may name bytes that are not", () => {
    const act = (disk: Disk) => {
      write(disk, "/a", "old")
      disk.syncAll()
      write(disk, "/draft", "new")
      disk.rename("/draft", "/a")
      sync(disk, "/")
    }
    const left = found(act, (disk) => read(disk, "/a") ?? "no name")
    expect(left).toEqual(expect.arrayContaining(["", "new"]))
    expect(left).not.toContain("old")
    expect(left).not.toContain("no name")
  })

  it("in a directory whose own name is not durable go with it", () => {
    const act = (disk: Disk) => {
      disk.mkdir("/d")
      write(disk, "/d/a", ONCE)
      sync(disk, "/d/a")
      sync(disk, "/d")
    }
    expect(found(act, (disk) => tree(disk).join(" "))).toEqual(["", `/d=/ /d/a=${ONCE}`])
    const both = (disk: Disk) => {
      act(disk)
      sync(disk, "/")
    }
    expect(found(both, (disk) => tree(disk).join(" "))).toEqual([`/d=/ /d/a=${ONCE}`])
  })

  it("may be kept in any selection, not only in their order", () => {
    const act = (disk: Disk) => {
      for (const name of ["/a", "/b", "/c"]) disk.mkdir(name)
    }
    expect(found(act, (disk) => (disk.current().list("/") ?? []).toSorted().join(""))).toEqual([
      "",
      "a",
      "ab",
      "abc",
      "ac",
      "b",
      "bc",
      "c"
    ])
  })

  it("that follow from others are not there without them", () => {
    const renamed = (disk: Disk) => {
      disk.mkdir("/a")
      disk.syncAll()
      disk.rename("/a", "/b")
      disk.rename("/b", "/c")
    }
    expect(found(renamed, (disk) => tree(disk).join(" "))).toEqual(["/a=/", "/b=/", "/c=/"])
    const emptied = (disk: Disk) => {
      for (const name of ["/a", "/b"]) disk.mkdir(name)
      write(disk, "/a/f", ONCE)
      disk.syncAll()
      disk.rename("/a/f", "/b/f")
      disk.rmdir("/a")
    }
    expect(found(emptied, (disk) => tree(disk).join(" "))).toEqual([
      `/a=/ /a/f=${ONCE} /b=/`,
      `/a=/ /b=/ /b/f=${ONCE}`,
      `/b=/ /b/f=${ONCE}`
    ])
    const turned = (disk: Disk) => {
      for (const name of ["/a", "/a/b"]) disk.mkdir(name)
      disk.syncAll()
      disk.rename("/a/b", "/b")
      disk.rename("/a", "/b/a")
    }
    expect(found(turned, (disk) => tree(disk).join(" "))).toEqual(["/a=/ /a/b=/", "/a=/ /b=/", "/b=/ /b/a=/"])
  })

  it("that a sync makes durable bring along what they need", () => {
    const moved = (disk: Disk) => {
      for (const name of ["/a", "/b"]) disk.mkdir(name)
      write(disk, "/a/f", ONCE)
      disk.syncAll()
      // The file leaves, and its directory goes: whoever keeps the one keeps the other.
      disk.rename("/a/f", "/b/f")
      disk.rmdir("/a")
      sync(disk, "/")
    }
    expect(found(moved, (disk) => tree(disk).join(" "))).toEqual([`/b=/ /b/f=${ONCE}`])
    const turned = (disk: Disk) => {
      for (const name of ["/a", "/a/b"]) disk.mkdir(name)
      disk.syncAll()
      // What was below is above now: never a ring that hangs on nothing.
      disk.rename("/a/b", "/b")
      disk.rename("/a", "/b/a")
      sync(disk, "/b")
    }
    expect(found(turned, (disk) => tree(disk).join(" "))).toEqual(["/b=/ /b/a=/"])
  })
})

describe("a disk", () => {
  it("comes back the same with the same chance", () => {
    const left = (seed: number) => {
      const disk = makeDisk()
      for (const name of ["/a", "/b", "/c", "/d"]) write(disk, name, ONCE.repeat(200))
      sync(disk, "/")
      disk.rename("/a", "/e")
      disk.powerCut(makeRandom(seed))
      return tree(disk)
    }
    for (const seed of SEEDS.slice(0, 50)) expect(left(seed)).toEqual(left(seed))
  })

  it("comes back another way each time", () => {
    const disk = makeDisk()
    const random = makeRandom(1)
    const left = SEEDS.slice(0, 50).map(() => {
      write(disk, "/a", ONCE)
      disk.powerCut(random)
      return read(disk, "/a") ?? "no name"
    })
    expect(new Set(left).size).toBeGreaterThan(3)
  })

  it("has lost every descriptor and lock when it comes back", () => {
    const disk = makeDisk()
    const user = disk.asUser(0)
    disk.chmod("/", 0o777)
    const file = user.open("/a", NEW)
    disk.syncAll()
    expect(user.flock(file, "exclusive")).toBe(true)
    disk.powerCut(makeRandom(1))
    const other = disk.open("/a", { read: true })
    expect(disk.flock(other, "exclusive")).toBe(true)
    user.closeAll()
    expect(() => user.write(file, bytes("x"), 0)).toThrow(expect.objectContaining({ code: "EBADF" }))
    expect(user.flock(user.open("/a", { read: true }), "shared")).toBe(false)
  })
})
