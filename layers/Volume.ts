import * as NodeFs from "node:fs"
import { type FileHandle, lstat, open, readdir, statfs } from "node:fs/promises"
import { setImmediate } from "node:timers/promises"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import {
  byWeight,
  type Found,
  HEAVIEST,
  type Inspection,
  LockHeld,
  type Space,
  Volume,
  type Weighed
} from "../src/services/Volume.ts"
import { isFull, tagOf } from "../src/systemError.ts"
import * as Ffi from "./ffi.ts"
import { typeOf } from "./fileType.ts"

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = NodeFs.constants
const LOCK_FILE_MODE = 0o600

export const volumeError = (method: string, path: string, thrown: unknown): PlatformError.PlatformError => {
  const cause = thrown as NodeJS.ErrnoException
  return PlatformError.systemError({
    _tag: tagOf(cause.code),
    module: "Volume",
    method,
    pathOrDescriptor: path,
    description: cause.message,
    syscall: cause.syscall,
    cause
  })
}

const attempt = <A>(
  method: string,
  path: string,
  call: () => Promise<A>
): Effect.Effect<A, PlatformError.PlatformError> =>
  Effect.tryPromise({ try: call, catch: (thrown) => volumeError(method, path, thrown) })

export const inspectionOf = (stats: NodeFs.BigIntStats): Inspection => ({
  type: typeOf(stats),
  size: Number(stats.size),
  mode: Number(stats.mode & 0o7777n),
  mtimeNs: stats.mtimeNs
})

const inspect = (path: string) =>
  Effect.map(
    attempt("inspect", path, () => lstat(path, { bigint: true })),
    inspectionOf
  )

const isMissing = (thrown: unknown): boolean => (thrown as NodeJS.ErrnoException).code === "ENOENT"

const findOne = async (path: string): Promise<Inspection | undefined> => {
  try {
    return inspectionOf(await lstat(path, { bigint: true }))
  } catch (thrown) {
    if (isMissing(thrown)) return undefined
    throw thrown
  }
}

const find = (path: string) => attempt("find", path, () => findOne(path))

const findAll: Volume["Service"]["findAll"] = (directory) =>
  attempt("findAll", directory, async () => {
    const found: Array<Found> = []
    for (const name of await readdir(directory)) {
      found.push({ name, inspection: await findOne(`${directory}/${name}`) })
    }
    return found
  })

export const spaceOf = (stats: NodeFs.BigIntStatsFs): Space => ({
  freeBytes: Number(stats.bavail * stats.bsize),
  totalBytes: Number(stats.blocks * stats.bsize),
  freeInodes: Number(stats.ffree),
  totalInodes: Number(stats.files)
})

const space = (path: string) =>
  Effect.map(
    attempt("space", path, () => statfs(path, { bigint: true })),
    spaceOf
  )

/** Node opens everything close-on-exec: no child can keep a lock alive. */
const opened = (method: string, path: string, flags: number) =>
  Effect.acquireRelease(
    attempt(method, path, () => open(path, flags | O_NOFOLLOW | O_NONBLOCK, LOCK_FILE_MODE)),
    (file) => Effect.promise(() => file.close())
  )

/** False when somebody else is in the way. */
const flock = (method: string, path: string, file: FileHandle, operation: number) =>
  attempt(method, path, async () => Ffi.flock(file.fd, operation | Ffi.LOCK_NB))

const writtenPid = (method: string, path: string, file: FileHandle) =>
  attempt(method, path, async () => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0)
    const pid = /^([1-9][0-9]*)\n/.exec(buffer.toString("latin1", 0, bytesRead))?.[1]
    return pid === undefined ? undefined : Number(pid)
  })

/** `lockHolder` holds a shared lock for a moment: that must not turn a starting program away. */
const PROBE_PASSES = Schedule.spaced(Duration.millis(25)).pipe(Schedule.upTo({ times: 5 }))

const lock = Effect.fnUntraced(function* (path: string) {
  const file = yield* opened("lock", path, O_RDWR | O_APPEND | O_CREAT)
  const free = yield* flock("lock", path, file, Ffi.LOCK_EX).pipe(
    Effect.repeat({ schedule: PROBE_PASSES, until: (free) => free })
  )
  if (!free) {
    const pid = yield* writtenPid("lock", path, file)
    return yield* new LockHeld(pid === undefined ? { path } : { path, pid })
  }
  // A crash here leaves the name of a holder that is gone in a file that nobody holds.
  const name = Effect.andThen(
    attempt("lock", path, () => file.truncate(0)),
    attempt("lock", path, () => file.write(`${process.pid}\n`))
  )
  // Where the disk is full the lock is held without a name.
  yield* Effect.catchIf(name, isFull, () => Effect.void)
})

/**
 * Asks by trying: a shared lock is refused while somebody holds the exclusive one, and two who ask do not meet. `/proc/locks` would
 * say it without a lock, but names the device of the superblock, which on btrfs and overlayfs is not the one `stat` gives, and is
 * not there under `ProcSubset=pid`.
 */
const lockHolder = (path: string) =>
  Effect.gen(function* () {
    const file = yield* opened("lockHolder", path, O_RDONLY)
    if (yield* flock("lockHolder", path, file, Ffi.LOCK_SH)) return undefined
    return (yield* writtenPid("lockHolder", path, file)) ?? ("unknown" as const)
  }).pipe(
    Effect.scoped,
    Effect.catchIf(
      (error) => error.reason._tag === "NotFound",
      () => Effect.undefined
    )
  )

/** Looked at without a turn of the event loop, at a few microseconds each. */
const SLICE = 256

/**
 * Goes through a directory, synchronously in slices: 100,000 asynchronous calls leave as many requests for the garbage collector,
 * which cost more memory than all else that the program holds.
 */
const eachName = async (directory: string, act: (name: string) => void): Promise<void> => {
  const open = NodeFs.opendirSync(directory, { bufferSize: SLICE })
  try {
    for (let seen = 1, entry = open.readSync(); entry !== null; seen++, entry = open.readSync()) {
      act(entry.name)
      if (seen % SLICE === 0) await setImmediate()
    }
  } finally {
    open.closeSync()
  }
}

/** The next names; fewer than a slice at the end. */
const readSlice = (open: NodeFs.Dir): ReadonlyArray<string> => {
  const names: Array<string> = []
  while (names.length < SLICE) {
    const entry = open.readSync()
    if (entry === null) break
    names.push(entry.name)
  }
  return names
}

const names: Volume["Service"]["names"] = (directory) => {
  const read = (open: NodeFs.Dir) =>
    attempt("names", directory, async () => {
      await setImmediate()
      const names = readSlice(open)
      return [names, names.length < SLICE ? Option.none<undefined>() : Option.some(undefined)] as const
    })
  return Stream.unwrap(
    Effect.map(
      Effect.acquireRelease(
        attempt("names", directory, async () => NodeFs.opendirSync(directory, { bufferSize: SLICE })),
        (open) => Effect.sync(() => open.closeSync())
      ),
      (open) => Stream.paginate(undefined, () => read(open))
    )
  )
}

const page: Volume["Service"]["page"] = (directory, { accepts, after, descending = false, limit }) =>
  attempt("page", directory, async () => {
    let names: Array<string> = []
    let total = 0
    const cut = () => {
      names = (descending ? names.toSorted().toReversed() : names.toSorted()).slice(0, limit)
    }
    const isBehind = (name: string) => after === "" || (descending ? name < after : name > after)
    await eachName(directory, (name) => {
      if (!isBehind(name) || !accepts(name)) return
      total++
      names.push(name)
      if (names.length >= 2 * limit) cut()
    })
    cut()
    return { names, total }
  })

/** What cannot be looked at is not there. Links are not followed. */
const holds = (directory: string, child: string): boolean => {
  try {
    const found = NodeFs.lstatSync(`${directory}/${child}`, { throwIfNoEntry: false })
    return found !== undefined && !found.isDirectory()
  } catch {
    return false
  }
}

const countHolding: Volume["Service"]["countHolding"] = (directory, child, counts) =>
  attempt("countHolding", directory, async () => {
    let count = 0
    let first: string | undefined
    await eachName(directory, (name) => {
      if (!counts(name) || !holds(`${directory}/${name}`, child)) return
      count++
      if (first === undefined || name < first) first = name
    })
    return { count, first }
  })

/** Without a turn of the event loop, as all that is done in `eachName`. */
const weigh = (path: string): number => {
  let bytes = 0
  for (const entry of NodeFs.readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) bytes += weigh(`${path}/${entry.name}`)
    else if (entry.isFile()) bytes += NodeFs.lstatSync(`${path}/${entry.name}`).size
  }
  return bytes
}

const weighOrHeaviest = (path: string): number => {
  try {
    return weigh(path)
  } catch {
    return HEAVIEST
  }
}

const lightest: Volume["Service"]["lightest"] = (directory, { accepts, after, child, limit }) =>
  attempt("lightest", directory, async () => {
    let first: Array<Weighed> = []
    let behind = 0
    let total = 0
    const cut = () => {
      first = first.toSorted(byWeight).slice(0, limit)
    }
    await eachName(directory, (name) => {
      if (!accepts(name)) return
      total++
      const path = `${directory}/${name}`
      if (!holds(path, child)) return
      const weighed = { name, bytes: weighOrHeaviest(path) }
      if (after !== undefined && byWeight(weighed, after) <= 0) return
      behind++
      first.push(weighed)
      if (first.length >= 2 * limit) cut()
    })
    cut()
    return { first, behind, total }
  })

/** The disk as Linux has it: `lstat`, `statfs`, and flock(2), which the kernel releases with the process. */
export const layerVolume = Layer.succeed(Volume, {
  inspect,
  find,
  findAll,
  names,
  page,
  countHolding,
  lightest,
  space,
  lock,
  lockHolder
})
