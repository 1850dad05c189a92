import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { UploadToken } from "../../domain/upload/token.ts"
import { Codec, type Hasher } from "../../services/Codec.ts"
import { type Archive, type ArchiveFault, openArchive } from "../archive.ts"
import type { Arrived } from "../arrived.ts"
import { Limits } from "../limits.ts"
import type { Announcement } from "../questions.ts"
import type { Upload } from "./Upload.ts"

/** The check of a tarball on its way: what was fed to it, from the first byte on, and what it found. */
export interface Check {
  readonly archive: Archive
  /** Hashes the bytes and checks the archive; a fault is kept for the end, and what comes behind it is hashed only. */
  readonly feed: (bytes: Uint8Array) => Effect.Effect<void>
  /** Bytes fed; -1 once it has ended. */
  readonly at: () => number
  readonly fault: () => ArchiveFault | undefined
  /** Ends it: every byte was fed. */
  readonly arrived: () => Arrived
}

/** Checks that wait between two appends. Each may hold the window of a decompressor, 8 MiB, and the names of an archive. */
const MAX_LIVE = 8

const open = Effect.fnUntraced(function* ({ episodeId }: Announcement) {
  const { maxMembers, maxUnpackedBytes } = yield* Limits
  const archive = yield* openArchive({ episodeId, maxMembers, maxUnpackedBytes })
  const hasher: Hasher = (yield* Codec).sha256()
  let at = 0
  let fault: ArchiveFault | undefined
  return {
    archive,
    feed: (bytes) =>
      Effect.suspend(() => {
        hasher.update(bytes)
        at += bytes.length
        return fault === undefined ? archive.push(bytes) : Effect.void
      }).pipe(Effect.catch((found) => Effect.sync(() => void (fault = found)))),
    at: () => at,
    fault: () => fault,
    arrived: () => {
      at = -1
      return { sha256: hasher.digest(), fault }
    }
  } satisfies Check as Check
})

interface Live {
  readonly check: Check
  readonly scope: Scope.Closeable
  inUse: boolean
}

/**
 * The checks that go along with their uploads while the process lives. There are never more than a few: the one that rested longest
 * makes room, and its upload is read again from its file at the end, as is one that began before this process.
 */
export const makeChecks = Effect.gen(function* () {
  const parent = yield* Effect.scope
  /** Who was used last comes last. */
  const live = new Map<UploadToken, Live>()

  const drop = (token: UploadToken): Effect.Effect<void> =>
    Effect.suspend(() => {
      const found = live.get(token)
      live.delete(token)
      return found === undefined ? Effect.void : Scope.close(found.scope, Exit.void)
    })

  const makeRoom = Effect.suspend(() => {
    if (live.size < MAX_LIVE) return Effect.succeed(true)
    const resting = [...live].find(([, { inUse }]) => !inUse)?.[0]
    return resting === undefined ? Effect.succeed(false) : Effect.as(drop(resting), true)
  })

  const begin = Effect.fnUntraced(function* ({ announced, token }: Upload) {
    if (!(yield* makeRoom)) return undefined
    const scope = yield* Scope.fork(parent)
    const found: Live = { check: yield* open(announced).pipe(Scope.provide(scope)), scope, inUse: false }
    live.set(token, found)
    return found
  })

  const lookFor = (upload: Upload) => {
    const found = live.get(upload.token)
    if (found?.check.at() === upload.offset) return Effect.succeed(found)
    return Effect.flatMap(drop(upload.token), () => (upload.offset === 0 ? begin(upload) : Effect.undefined))
  }

  /** Nobody else may have it meanwhile. */
  const giveBack = (upload: Upload, taken: Live) =>
    Effect.suspend(() => {
      taken.inUse = false
      // It has seen bytes that do not count, or its end.
      return taken.check.at() === upload.offset ? Effect.void : drop(upload.token)
    })

  return {
    drop,
    /** The check of an upload as far as it came, until the scope closes; `undefined` where there is none. */
    borrow: (upload: Upload) =>
      Effect.acquireRelease(
        Effect.tap(lookFor(upload), (taken) =>
          Effect.sync(() => {
            if (taken === undefined) return
            taken.inUse = true
            live.delete(upload.token)
            live.set(upload.token, taken)
          })
        ),
        (taken) => (taken === undefined ? Effect.void : giveBack(upload, taken))
      ).pipe(Effect.map((taken) => taken?.check)),
    /** One of its own, which goes with the scope. */
    anew: (announced: Announcement) => open(announced)
  }
})
export type Checks = Effect.Success<typeof makeChecks>
