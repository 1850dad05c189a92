/** Before anything is moved: the directories are there, fit for what we do with them, and ours alone. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as Durable from "../durable.ts"
import { Volume } from "../services/Volume.ts"
import { isFull, wordsOf } from "../systemError.ts"
import * as Unsynced from "../unsynced.ts"
import { Layout } from "./layout.ts"

/** The data root cannot keep what the shipper promises. */
export class UnfitDataRoot extends Schema.TaggedError<UnfitDataRoot>()("UnfitDataRoot", { message: Schema.String }) {}

/** Another shipper works on this data root. */
export class AlreadyRunning extends Schema.TaggedError<AlreadyRunning>()("AlreadyRunning", {
  message: Schema.String
}) {}

const unfit = (root: string) => (error: PlatformError) =>
  new UnfitDataRoot({
    message: `${root} cannot be used: ${wordsOf(error)}. It must be a directory this user can write to.`
  })

/** Makes what is missing. A link under one of these names is refused: everything below must be one filesystem. */
export const prepare = Effect.gen(function* () {
  const paths = yield* Layout
  const fs = yield* FileSystem.FileSystem
  const working = [paths.episodes, paths.outbox, paths.shipped, paths.quarantine, paths.state]
  const below = ["packed", "tally", "drafts", "trash", "acked"].map((name) => `${paths.state}/${name}`)
  yield* Effect.forEach([paths.root, ...working, ...below], (path) => Durable.makeDirectory(path), { discard: true })
  const devices = new Set<bigint>()
  for (const path of [...working, ...below]) {
    const info = yield* fs.lstat(path)
    if (info.type !== "Directory") {
      return yield* new UnfitDataRoot({ message: `${path} is not a directory but ${info.type}. Move it away.` })
    }
    devices.add(info.dev)
  }
  if (devices.size > 1) {
    return yield* new UnfitDataRoot({
      message: `${working.join(", ")} and what is in them are not on one filesystem, so episodes cannot be moved between them in one step. Mount ${paths.root} as a whole.`
    })
  }
  yield* proveNames(paths.state)
  yield* proveSync(paths.state)
}).pipe(
  Effect.catchTag("PlatformError", (error) => Effect.flatMap(Layout, (paths) => Effect.fail(unfit(paths.root)(error))))
)

/** Names that differ only in case are two names here. On a full disk this cannot be seen: cleaning up must start there all the same. */
const proveNames = Effect.fnUntraced(
  function* (directory: string) {
    const fs = yield* FileSystem.FileSystem
    const probe = `${directory}/case-probe`
    yield* Unsynced.create(probe, "")
    const folded = yield* fs.exists(`${directory}/CASE-PROBE`)
    yield* fs.remove(probe, { force: true })
    if (folded) {
      return yield* new UnfitDataRoot({
        message: `${directory} does not tell upper from lower case, but episode ids do. Use a case-sensitive filesystem.`
      })
    }
  },
  Effect.catchIf(
    (error) => error._tag === "PlatformError" && isFull(error),
    () => Effect.void
  )
)

/** A directory can be synced. */
const proveSync = (directory: string) =>
  Durable.syncDirectory(directory).pipe(
    Effect.catchDefect(() =>
      Effect.fail(
        new UnfitDataRoot({
          message: `${directory} cannot be synced, so nothing in it would survive a power cut. Use a local disk.`
        })
      )
    )
  )

/** Holds the data root until the scope closes. */
export const holdDataRoot = Effect.gen(function* () {
  const paths = yield* Layout
  const volume = yield* Volume
  yield* volume.lock(paths.lock)
}).pipe(
  Effect.catchTags({
    LockHeld: ({ path, pid }) =>
      Effect.fail(
        new AlreadyRunning({
          message: `another cis490-shipper works on this data root: pid ${pid ?? "unknown"} holds ${path}. Stop it first, or let it do the work.`
        })
      ),
    PlatformError: (error) => Effect.flatMap(Layout, (paths) => Effect.fail(unfit(paths.root)(error)))
  })
)
