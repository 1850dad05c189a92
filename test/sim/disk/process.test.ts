/** What becomes of a program's calls: faults, crashes, a full disk, locks. */
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as Durable from "../../../src/durable.ts"
import { Volume } from "../../../src/services/Volume.ts"
import { codeOf, wordsOf } from "../../../src/systemError.ts"
import type { Fault } from "../kernel/call.ts"
import { type Computer, makeComputer } from "./computer.ts"
import { layersOf } from "./layers.ts"

type Program<A, E> = Effect.Effect<A, E, FileSystem.FileSystem | Volume | Scope.Scope>

const run = <A, E>(computer: Computer, program: Program<A, E>): Exit.Exit<A, E> | undefined =>
  computer.perform((process) => Effect.scoped(program).pipe(Effect.provide(layersOf(process))))

/** Its value. */
const gives = <A, E>(computer: Computer, program: Program<A, E>): A => {
  const exit = run(computer, program)
  if (exit === undefined) throw new Error("it did not come to an end")
  if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
  return exit.value
}

/** The errno it fails with. */
const fails = <A>(computer: Computer, program: Program<A, PlatformError>): string | undefined =>
  codeOf(gives(computer, Effect.flip(program)))

const fs = <A, E>(act: (fs: FileSystem.FileSystem) => Program<A, E>): Program<A, E> =>
  Effect.flatMap(FileSystem.FileSystem, act)
const volume = <A, E>(act: (volume: Volume["Service"]) => Program<A, E>): Program<A, E> => Effect.flatMap(Volume, act)

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const read = ({ disk }: Computer, path: string): string | undefined => {
  const found = disk.current().read(path)
  return found === undefined ? undefined : new TextDecoder().decode(found)
}

/** A fault for the first call of that name. */
const faultOn = (name: string, fault: Fault, seed: number | string = 1): Computer => {
  let met = false
  return makeComputer(seed, (_, call) => {
    if (met || !call.startsWith(name)) return undefined
    met = true
    return fault
  })
}

describe("a call", () => {
  it("that fails is not done, and says so as the system would", () => {
    const computer = faultOn("rename", { _tag: "Fail", code: "EIO" })
    computer.disk.mkdir("/a")
    const error = gives(computer, Effect.flip(fs((fs) => fs.rename("/a", "/b"))))
    expect(wordsOf(error)).toBe("EIO: i/o error, rename '/a' -> '/b'")
    expect(computer.disk.current().list("/")).toEqual(["a"])
  })

  it("that is said to have failed may have been done", () => {
    const computer = faultOn("rename", { _tag: "FailAfter", code: "EIO" })
    computer.disk.mkdir("/a")
    expect(
      fails(
        computer,
        fs((fs) => fs.rename("/a", "/b"))
      )
    ).toBe("EIO")
    expect(computer.disk.current().list("/")).toEqual(["b"])
  })

  it("in which the process dies was done, or not, and never answers", () => {
    for (const when of ["before", "after"] as const) {
      const computer = faultOn("rename", { _tag: "Crash", when, how: "kill" })
      computer.disk.mkdir("/a")
      let finalized = false
      const finalizer = Effect.addFinalizer(() => Effect.sync(() => void (finalized = true)))
      expect(
        run(
          computer,
          Effect.andThen(
            finalizer,
            fs((fs) => fs.rename("/a", "/b"))
          )
        )
      ).toBeUndefined()
      expect(computer.disk.current().list("/")).toEqual([when === "before" ? "a" : "b"])
      expect(finalized).toBe(false)
    }
  })

  it("that opens a file and is said to have failed leaves nothing open", () => {
    const computer = makeComputer(1, (_, call) =>
      call.startsWith("open") ? { _tag: "FailAfter", code: "EIO" } : undefined
    )
    const often = fs((fs) => Effect.ignore(fs.open("/a", { flag: "a" }))).pipe(Effect.repeat({ times: 2000 }))
    expect(
      fails(
        computer,
        Effect.andThen(
          often,
          fs((fs) => fs.open("/a", { flag: "r" }).pipe(Effect.flatMap((file) => file.write(bytes("x")))))
        )
      )
    ).toBe("EBADF")
  })

  it("that is not simulated is a defect that names it", () => {
    const exit = run(
      makeComputer(1),
      fs((fs) => fs.copy("/a", "/b"))
    )
    expect(exit !== undefined && Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("not simulated: copy")
  })
})

describe("a write", () => {
  const text = "x".repeat(1000)
  const counts = Array.from({ length: 200 }, (_, seed) => {
    const computer = makeComputer(seed)
    gives(
      computer,
      fs((fs) => fs.writeFileString("/a", text))
    )
    expect(read(computer, "/a")).toBe(text)
    return computer.calls.filter((call) => call.startsWith("write")).length
  })

  it("is sometimes short, and then goes on", () => {
    expect(counts.filter((count) => count === 1).length).toBeGreaterThan(150)
    expect(counts.some((count) => count > 1)).toBe(true)
  })

  it("takes what there is room for, and then fails", () => {
    const capacity = 4096 + 300
    const computer = makeComputer(1, undefined, capacity)
    const write = fs((fs) => Effect.flatMap(fs.open("/a", { flag: "w" }), (file) => file.writeAll(bytes(text))))
    expect(fails(computer, write)).toBe("ENOSPC")
    expect(read(computer, "/a")).toBe("x".repeat(300))
    expect(
      gives(
        computer,
        volume((volume) => volume.space("/"))
      )
    ).toMatchObject({ freeBytes: 0, totalBytes: capacity })
    // What is there can be written over, and makes no file longer.
    const over = fs((fs) => Effect.flatMap(fs.open("/a", { flag: "r+" }), (file) => file.writeAll(bytes("y"))))
    gives(computer, over)
    expect(
      fails(
        computer,
        fs((fs) => fs.makeDirectory("/d"))
      )
    ).toBe("ENOSPC")
  })

  it("finds room again once what took it is gone for everybody", () => {
    const computer = makeComputer(1, undefined, 4096 + 300)
    const free = volume((volume) => Effect.map(volume.space("/"), ({ freeBytes }) => freeBytes))
    const opened = fs((fs) =>
      Effect.gen(function* () {
        yield* fs.writeFileString("/a", "x".repeat(300))
        yield* Effect.scoped(Effect.andThen(fs.open("/a", { flag: "r" }), fs.remove("/a")))
        const after = yield* free
        yield* fs.writeFileString("/a", "x".repeat(200))
        yield* fs.open("/a", { flag: "r" })
        yield* fs.remove("/a")
        return [after, yield* free]
      })
    )
    expect(gives(computer, opened)).toEqual([300, 100])
    expect(gives(computer, free)).toBe(300)
  })
})

describe("a sync", () => {
  it("that fails loses what it should have saved, whatever is synced later", () => {
    const computer = faultOn("sync", { _tag: "Fail", code: "EIO" })
    const program = fs((fs) =>
      Effect.gen(function* () {
        const file = yield* fs.open("/a", { flag: "w" })
        yield* file.writeAll(bytes("lost"))
        const error = yield* Effect.flip(file.sync)
        yield* file.writeAll(bytes(" kept"))
        yield* file.sync
        yield* Durable.syncDirectory("/")
        return wordsOf(error)
      })
    )
    expect(gives(computer, program)).toBe("EIO: i/o error, fsync")
    expect(read(computer, "/a")).toBe("lost kept")
    expect(computer.disk.durable().read("/a")).toEqual(bytes("\0\0\0\0 kept"))
  })
})

describe("a directory", () => {
  const names = Array.from({ length: 40 }, (_, i) => `E${i}`)
  const list = (computer: Computer) => {
    computer.disk.mkdir("/d")
    for (const name of names) computer.disk.mkdir(`/d/${name}`)
    return gives(
      computer,
      fs((fs) => fs.readDirectory("/d"))
    )
  }

  it("gives its names in an order of its own, always the same", () => {
    const listed = list(makeComputer(1))
    expect(listed.toSorted()).toEqual(names.toSorted())
    expect(listed).not.toEqual(names.toSorted())
    expect(list(makeComputer(2))).toEqual(listed)
  })

  it("is removed name by name", () => {
    const computer = makeComputer(1)
    list(computer)
    gives(
      computer,
      fs((fs) => fs.remove("/d", { recursive: true }))
    )
    // It is tried once as it is.
    expect(computer.calls.length).toBe(names.length + 2)
    expect(computer.disk.current().list("/")).toEqual([])
  })

  it("that may not be written to, read or entered says so to an ordinary user", () => {
    const computer = makeComputer(1)
    const { disk } = computer
    for (const [name, mode] of [
      ["/r", 0o500],
      ["/w", 0o300],
      ["/x", 0o600]
    ] as const) {
      disk.mkdir(name)
      disk.mkdir(`${name}/in`)
      disk.chmod(name, mode)
    }
    expect(
      fails(
        computer,
        fs((fs) => fs.makeDirectory("/r/new"))
      )
    ).toBe("EACCES")
    expect(
      fails(
        computer,
        fs((fs) => fs.rename("/r/in", "/w/new"))
      )
    ).toBe("EACCES")
    expect(
      fails(
        computer,
        fs((fs) => fs.remove("/r/in", { recursive: true }))
      )
    ).toBe("EACCES")
    expect(
      fails(
        computer,
        fs((fs) => fs.readDirectory("/w"))
      )
    ).toBe("EACCES")
    gives(
      computer,
      fs((fs) => fs.makeDirectory("/w/new"))
    )
    expect(
      fails(
        computer,
        fs((fs) => fs.lstat("/x/in"))
      )
    ).toBe("EACCES")
    gives(
      computer,
      fs((fs) => fs.readDirectory("/x"))
    )
    gives(
      computer,
      fs((fs) => Effect.andThen(fs.chmod("/r", 0o700), fs.makeDirectory("/r/new")))
    )
  })
})

describe("time", () => {
  it("is what the machine takes for it", () => {
    const computer = makeComputer(1)
    const { machine } = computer
    const age = fs((fs) => fs.writeFileString("/a", "")).pipe(
      Effect.andThen(volume((volume) => volume.inspect("/a"))),
      Effect.map(({ mtimeNs }) => machine.wallNanos() - mtimeNs)
    )
    const A_SECOND = 1_000_000_000n
    expect(gives(computer, age)).toBeLessThan(A_SECOND)
    machine.jumpClock(-60 * 365 * 86_400_000)
    expect(machine.wallNanos()).toBeLessThan(0n)
    const passed = gives(computer, age)
    expect(passed >= 0n && passed < A_SECOND).toBe(true)
  })
})

describe("a lock", () => {
  const lock = volume((volume) => volume.lock("/lock"))
  const begin = (computer: Computer) => {
    const finish = computer.begin((process) =>
      Effect.scoped(Effect.andThen(lock, Effect.never)).pipe(Effect.provide(layersOf(process)))
    )
    const pid = computer.machine.processes.at(-1)?.pid
    computer.world.run(computer.world.now() + 1000, () => undefined)
    return { finish, pid }
  }

  it("keeps others out, who learn whose it is", () => {
    const computer = makeComputer(1)
    const { pid } = begin(computer)
    expect(
      gives(
        computer,
        volume((volume) => volume.lockHolder("/lock"))
      )
    ).toBe(pid)
    expect(gives(computer, Effect.flip(lock))).toMatchObject({ _tag: "LockHeld", path: "/lock", pid })
  })

  it("goes with the process that had it, however that ends", () => {
    for (const _tag of ["Killed", "PowerCut"] as const) {
      const computer = makeComputer(1)
      begin(computer).finish({ _tag })
      expect(
        gives(
          computer,
          volume((volume) => volume.lockHolder("/lock"))
        )
      ).toBeUndefined()
      gives(computer, lock)
    }
  })

  it("waits for those who only ask", () => {
    const computer = makeComputer(1)
    computer.disk.close(computer.disk.open("/lock", { write: true, create: true }, 0o777))
    computer.disk.chmod("/lock", 0o777)
    const asking = computer.disk.open("/lock", { read: true })
    computer.disk.flock(asking, "shared")
    computer.world.after(60, () => computer.disk.close(asking))
    gives(computer, lock)
  })
})

describe("durable", () => {
  const before = (computer: Computer) => {
    const { disk } = computer
    disk.mkdir("/d")
    disk.mkdir("/e")
    disk.chmod("/d", 0o777)
    disk.chmod("/e", 0o777)
    const file = disk.open("/d/a", { write: true, create: true }, 0o777)
    disk.write(file, bytes("old"), 0)
    disk.close(file)
    disk.syncAll()
  }
  const SEEDS = Array.from({ length: 20 }, (_, seed) => seed)

  /** Cuts the power before and after every call that changes something, many times; gives all that is found, each once. */
  const leftBehind = (program: Program<unknown, PlatformError>, look: (computer: Computer) => string) => {
    const attempt = makeComputer(1)
    before(attempt)
    gives(attempt, program)
    const all = new Set<string>()
    for (let nth = 1; nth <= attempt.calls.length + 3; nth++) {
      for (const when of ["before", "after"] as const) {
        for (const seed of SEEDS) {
          const computer = makeComputer(seed, (at) => (at === nth ? { _tag: "Crash", when, how: "power" } : undefined))
          before(computer)
          if (run(computer, program) === undefined) all.add(look(computer))
        }
      }
    }
    return [...all].toSorted()
  }

  it("writes all or nothing", () => {
    expect(leftBehind(Durable.write("/d/a", "newer"), (computer) => read(computer, "/d/a") ?? "none")).toEqual([
      "newer",
      "old"
    ])
    // The same without its syncs: the test can tell.
    const careless = fs((fs) => Effect.andThen(fs.writeFileString("/d/b", "newer"), fs.rename("/d/b", "/d/a")))
    const left = leftBehind(
      Effect.andThen(
        careless,
        fs((fs) => fs.chmod("/d/a", 0o600))
      ),
      (computer) => read(computer, "/d/a") ?? "none"
    )
    expect(left).toEqual(expect.arrayContaining(["", "newer", "old"]))
  })

  it("moves from one name to the other, and is under one of them", () => {
    const where = (computer: Computer) => [read(computer, "/d/a"), read(computer, "/e/a")].join()
    expect(leftBehind(Durable.move("/d/a", "/e/a"), where)).toEqual([",old", "old,"])
  })

  it("is durable when it says so", () => {
    for (const seed of SEEDS) {
      const computer = makeComputer(seed)
      before(computer)
      gives(computer, Effect.andThen(Durable.makeDirectory("/d/x/y"), Durable.write("/d/x/y/z", "here")))
      gives(computer, Effect.andThen(Durable.move("/d/a", "/e/a"), Durable.write("/d/x/y/z", "there")))
      gives(computer, Durable.remove("/e/a"))
      computer.machine.cutPower()
      expect(read(computer, "/d/x/y/z")).toBe("there")
      expect(computer.disk.current().list("/e")).toEqual([])
    }
  })
})
