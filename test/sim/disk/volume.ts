/** Our `Volume` on a simulated disk: what `layers/Volume.ts` asks of the real one, call by call. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { byWeight, type Inspection, LockHeld, Volume, type Weighed } from "../../../src/services/Volume.ts"
import { isFull } from "../../../src/systemError.ts"
import type { Process } from "../kernel/process.ts"
import { makeAsk, type Purpose } from "./ask.ts"
import type { Calls, OpenFile, OpenFlags } from "./disk.ts"
import { DiskError } from "./errno.ts"
import { openScoped } from "./openScoped.ts"

const LOCK_FILE_MODE = 0o600
const PID_BYTES = 16

const purpose = (method: string, path: string): Purpose => ({ module: "Volume", method, about: path })

/** `lockHolder` holds a shared lock for a moment: that must not turn a starting program away. */
const PROBE_PASSES = Schedule.spaced(Duration.millis(25)).pipe(Schedule.upTo({ times: 5 }))

export const makeVolume = (process: Process, calls: Calls): Volume["Service"] => {
  const ask = makeAsk(process)

  const opened = (method: string, path: string, flags: OpenFlags) =>
    openScoped(ask, calls, purpose(method, path), path, { ...flags, noFollow: true }, LOCK_FILE_MODE)

  const flock = (method: string, path: string, file: OpenFile, kind: "shared" | "exclusive") =>
    ask(purpose(method, path), { name: "flock", target: path, mutates: true }, () => calls.flock(file, kind))

  const writtenPid = (method: string, path: string, file: OpenFile) =>
    ask(purpose(method, path), { name: "read", target: path }, () => {
      const bytes = new Uint8Array(PID_BYTES)
      const count = calls.read(file, bytes, 0)
      const pid = /^([1-9][0-9]*)\n/.exec(new TextDecoder("latin1").decode(bytes.subarray(0, count)))?.[1]
      return pid === undefined ? undefined : Number(pid)
    })

  const lock = Effect.fnUntraced(function* (path: string) {
    const file = yield* opened("lock", path, { read: true, write: true, append: true, create: true })
    const free = yield* flock("lock", path, file, "exclusive").pipe(
      Effect.repeat({ schedule: PROBE_PASSES, until: (free) => free })
    )
    if (!free) {
      const pid = yield* writtenPid("lock", path, file)
      return yield* new LockHeld(pid === undefined ? { path } : { path, pid })
    }
    const name = Effect.andThen(
      ask(purpose("lock", path), { name: "truncate", syscall: "ftruncate", target: path, mutates: true }, () =>
        calls.ftruncate(file, 0)
      ),
      ask(purpose("lock", path), { name: "write", target: path, mutates: true }, () =>
        calls.write(file, new TextEncoder().encode(`${process.pid}\n`), 0)
      )
    )
    yield* Effect.catchIf(name, isFull, () => Effect.void)
  })

  const lockHolder = (path: string) =>
    Effect.gen(function* () {
      const file = yield* opened("lockHolder", path, { read: true })
      if (yield* flock("lockHolder", path, file, "shared")) return undefined
      return (yield* writtenPid("lockHolder", path, file)) ?? ("unknown" as const)
    }).pipe(
      Effect.scoped,
      Effect.catchIf(
        (error) => error.reason._tag === "NotFound",
        () => Effect.undefined
      )
    )

  /** In the order in which the directory gives them. */
  const eachName = <A>(method: string, directory: string, act: (names: ReadonlyArray<string>) => A) =>
    ask(purpose(method, directory), { name: "readdir", syscall: "opendir", target: directory }, () =>
      act(calls.readdir(directory).map(({ name }) => name))
    )

  const lstat = <A>(method: string, path: string, look: () => A) =>
    ask(purpose(method, path), { name: "lstat", target: path, paths: [path] }, look)

  const inspection = (path: string): Inspection => {
    const { mode, mtimeNs, size, type } = calls.lstat(path)
    return { type, size, mode, mtimeNs }
  }

  const holds = (directory: string, child: string): boolean => {
    try {
      return calls.lstat(`${directory}/${child}`).type !== "Directory"
    } catch (thrown) {
      if (thrown instanceof DiskError) return false
      throw thrown
    }
  }

  const findAs = (method: string, path: string) =>
    lstat(method, path, () => {
      try {
        return inspection(path)
      } catch (thrown) {
        if (thrown instanceof DiskError && thrown.code === "ENOENT") return undefined
        throw thrown
      }
    })

  const findAll: Volume["Service"]["findAll"] = Effect.fnUntraced(function* (directory: string) {
    const names = yield* ask(
      purpose("findAll", directory),
      { name: "readdir", syscall: "scandir", target: directory, paths: [directory] },
      () => calls.readdir(directory).map(({ name }) => name)
    )
    return yield* Effect.forEach(names, (name) =>
      Effect.map(findAs("findAll", `${directory}/${name}`), (inspection) => ({ name, inspection }))
    )
  })

  return Volume.of({
    inspect: (path) => lstat("inspect", path, () => inspection(path)),
    find: (path) => findAs("find", path),
    findAll,
    names: (directory) => Stream.fromIterableEffect(eachName("names", directory, (names) => names)),
    page: (directory, { accepts, after, descending = false, limit }) =>
      eachName("page", directory, (names) => {
        const isBehind = (name: string) => after === "" || (descending ? name < after : name > after)
        const behind = names.filter((name) => isBehind(name) && accepts(name)).toSorted()
        return { names: (descending ? behind.toReversed() : behind).slice(0, limit), total: behind.length }
      }),
    countHolding: (directory, child, counts) =>
      eachName("countHolding", directory, (names) => {
        const holding = names.filter((name) => counts(name) && holds(`${directory}/${name}`, child)).toSorted()
        return { count: holding.length, first: holding[0] }
      }),
    lightest: (directory, { accepts, after, child, limit }) =>
      eachName("lightest", directory, (names) => {
        const weigh = (path: string): number =>
          calls.readdir(path).reduce((sum, { name }) => {
            const { size, type } = calls.lstat(`${path}/${name}`)
            return sum + (type === "Directory" ? weigh(`${path}/${name}`) : type === "File" ? size : 0)
          }, 0)
        const accepted = names.filter(accepts)
        const behind = accepted
          .filter((name) => holds(`${directory}/${name}`, child))
          .map((name): Weighed => ({ name, bytes: weigh(`${directory}/${name}`) }))
          .filter((weighed) => after === undefined || byWeight(weighed, after) > 0)
        return { first: behind.toSorted(byWeight).slice(0, limit), behind: behind.length, total: accepted.length }
      }),
    space: (path) =>
      ask(purpose("space", path), { name: "statfs", target: path, paths: [path] }, () => calls.statfs(path)),
    lock,
    lockHolder
  })
}

export const layerVolume = (process: Process, calls: Calls): Layer.Layer<Volume> =>
  Layer.sync(Volume, () => makeVolume(process, calls))
