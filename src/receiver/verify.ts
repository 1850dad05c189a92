import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import type { IndexRow } from "../domain/row.ts"
import { orMissing } from "../presence.ts"
import { Lookup } from "../services/Lookup.ts"
import { examine, hashFile } from "./examine.ts"
import { followIndex } from "./followIndex.ts"
import { findRow } from "./readRow.ts"
import { type EpisodeName, nameOf, type StoreOptions, storedPath } from "./storePaths.ts"
import { isBroken } from "./trouble.ts"
import { walkStore } from "./walkStore.ts"

export interface Finding extends EpisodeName {
  /**
   * `missing`: a row without its file. `damaged`: a file that is not what its row says, or without a row and no sound tarball.
   * `unindexed`: a sound file without a row.
   */
  readonly kind: "missing" | "damaged" | "unindexed"
  readonly path: string
  /** In words. */
  readonly found: string
}

export interface VerifyProgress {
  /** Rows whose files have been read. */
  readonly files: number
  /** Standing rows. */
  readonly totalFiles: number
  /** Bytes that have been read. */
  readonly bytes: number
}

export interface VerifyReport extends VerifyProgress {
  readonly findings: ReadonlyArray<Finding>
  /** Paths in the store that are neither a host's directory nor an episode's file. */
  readonly strays: ReadonlyArray<string>
  /** Lines of the index that are no rows. */
  readonly unreadableLines: number
}

/** Rows that are taken from the lookup at once. */
const PAGE = 1000

type Verdict = Pick<Finding, "kind" | "found"> | undefined
type Read = (bytes: Uint8Array) => Effect.Effect<void>

const missing: Verdict = { kind: "missing", found: "the index has a row for it, and there is no such file" }
const broken: Verdict = { kind: "damaged", found: "the disk cannot read it (EIO)" }

/** A file on a bad sector is a finding; not being let in, or out of file handles, is no word on the file. */
const orBroken = <A, R>(effect: Effect.Effect<A, PlatformError, R>) =>
  Effect.catchIf(effect, isBroken, () => Effect.succeed("broken" as const))

const judgeRow = Effect.fnUntraced(function* (path: string, row: IndexRow, onRead: Read) {
  const found = yield* orBroken(orMissing(hashFile(path, onRead)))
  if (found === undefined) return missing
  if (found === "broken") return broken
  if (found.sha256 === row.sha256) return undefined
  const size = found.bytes === row.bytes ? "" : ` and ${found.bytes} bytes, not ${row.bytes}`
  return {
    kind: "damaged",
    found: `its SHA-256 is ${found.sha256}, not ${row.sha256}${size}`
  } satisfies Verdict as Verdict
})

const judgeUnindexed = Effect.fnUntraced(function* (path: string, name: EpisodeName, options: StoreOptions) {
  const found = yield* orBroken(orMissing(examine(path, name.episodeId, options)))
  if (found === undefined) return undefined
  if (found === "broken") return broken
  return (found._tag === "Sound"
    ? { kind: "unindexed", found: "the index has no row for it; `cis490-receiver backfill` adds it" }
    : {
        kind: "damaged",
        found: `the index has no row for it, and it is not sound: ${found.error}`
      }) satisfies Verdict as Verdict
})

/** Everything with a standing row, page by page. */
const indexed = Stream.unwrap(
  Effect.map(Lookup, (lookup) =>
    Stream.paginate(undefined as EpisodeName | undefined, (after) =>
      Effect.map(lookup.page(after, PAGE), (entries) => {
        const last = entries.at(-1)
        return [entries as ReadonlyArray<EpisodeName>, last === undefined ? Option.none() : Option.some(last)] as const
      })
    )
  )
)

const check = Effect.fnUntraced(function* (
  file: FileSystem.File,
  options: StoreOptions,
  onProgress: (progress: VerifyProgress) => Effect.Effect<void>
) {
  const lookup = yield* Lookup
  const followed = yield* followIndex(file)
  let progress: VerifyProgress = { files: 0, totalFiles: yield* lookup.count, bytes: 0 }
  const tell = (change: (now: VerifyProgress) => VerifyProgress) =>
    Effect.suspend(() => onProgress((progress = change(progress))))
  const onRead: Read = (bytes) => tell((now) => ({ ...now, bytes: now.bytes + bytes.length }))
  const judge = Effect.fnUntraced(function* (name: EpisodeName, read: Read) {
    const path = storedPath(options.storeRoot, name)
    const row = yield* findRow(file, name)
    return yield* row === undefined ? judgeUnindexed(path, name, options) : judgeRow(path, row, read)
  })

  /** What looks wrong while the receiver may be at work. */
  const suspects = new Map<string, EpisodeName>()
  const strays: Array<string> = []
  yield* Stream.runForEach(indexed, (name) =>
    Effect.gen(function* () {
      if ((yield* judge(name, onRead)) !== undefined) suspects.set(nameOf(name), name)
      yield* tell((now) => ({ ...now, files: now.files + 1 }))
    })
  )
  yield* Stream.runForEach(walkStore(options.storeRoot), (found) =>
    Effect.gen(function* () {
      if (found._tag === "Unlisted") return yield* found.error
      if (found._tag === "Stray") strays.push(found.path)
      else if ((yield* lookup.find(found.name.hostId, found.name.episodeId))?.stands !== true) {
        suspects.set(nameOf(found.name), found.name)
      }
    })
  )

  // The index as it is after the listing: what was stored in the meantime has its row now.
  const later = yield* followIndex(file)
  const findings: Array<Finding> = []
  for (const name of suspects.values()) {
    const verdict = yield* judge(name, () => Effect.void)
    if (verdict !== undefined) findings.push({ ...name, ...verdict, path: storedPath(options.storeRoot, name) })
  }
  const unreadableLines = followed.unreadable + later.unreadable
  return { ...progress, findings, strays, unreadableLines } satisfies VerifyReport as VerifyReport
})

/**
 * Reads the whole store and holds it against the index. Changes nothing, and may run beside a receiver at work: what looks wrong is
 * looked at a second time. Its `Lookup` is its own, and empty.
 */
export const verify = Effect.fnUntraced(function* (
  options: StoreOptions,
  onProgress: (progress: VerifyProgress) => Effect.Effect<void> = () => Effect.void
) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* fs.open(options.indexPath, { flag: "r", noFollow: true })
  return yield* check(file, options, onProgress)
}, Effect.scoped)
