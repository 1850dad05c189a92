/** The body's way in: read, hashed, checked and written in one go; what is whole and valid goes to the dataset. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import type { Problem, StoredAnswer } from "../domain/protocol.ts"
import { Codec } from "../services/Codec.ts"
import { Volume } from "../services/Volume.ts"
import { withServices } from "../withServices.ts"
import { type Archive, type ArchiveFault, type ArchiveReport, openArchive } from "./archive.ts"
import { checkedReport, refusal } from "./arrived.ts"
import { type Body, openBody } from "./body.ts"
import { Dataset } from "./Dataset.ts"
import { Fatal, orEndProgram } from "./Fatal.ts"
import { Gate } from "./gate.ts"
import { Limits } from "./limits.ts"
import { diskProblem, openPart, type Part } from "./part.ts"
import type { Announcement } from "./questions.ts"
import { Slots } from "./slots.ts"

export class Intake extends Context.Service<
  Intake,
  {
    /** Fails with `disk-full` when the disk does not take so many bytes more. */
    readonly roomFor: (bytes: number) => Effect.Effect<void, Problem>
    /**
     * Reads the body and stores it; what it keeps until the answer was sent goes with the scope, which is the request's. Not to be interrupted: it gives up by itself when the client goes away before the body is
     * whole, and leaves nothing behind then. `isNew` as in `Reply`.
     */
    readonly take: (
      request: HttpServerRequest,
      announced: Announcement,
      options: {
        readonly isNew: boolean
        /** Told once how much of the body came. */
        readonly onBytes: (received: number) => void
      }
    ) => Effect.Effect<StoredAnswer, Problem, Scope.Scope>
    /**
     * Stores what lies synced at `path`, in `incoming/`, and was found to be what `report` says; `isNew` as in `Reply`. Not to be
     * interrupted.
     */
    readonly store: (
      path: string,
      announced: Announcement,
      report: ArchiveReport,
      isNew: boolean
    ) => Effect.Effect<StoredAnswer, Problem, Scope.Scope>
  }
>()("cis490/receiver/Intake") {}

/** A piece of this size is checked and written sooner than two fibers are made for it. */
const SMALL_BYTES = 64 * 1024

/**
 * Runs the body through the hash, the archive check and into the file. A broken archive is not the last word: the rest of the body
 * is hashed, no longer kept, so that damage on the way is never blamed on the episode. Only what is too large stops at once.
 */
const pour = Effect.fnUntraced(function* (body: Body, archive: Archive, part: Part) {
  const hasher = (yield* Codec).sha256()
  let fault: ArchiveFault | undefined
  for (let piece = yield* body.next; piece !== undefined; piece = yield* body.next) {
    hasher.update(piece)
    if (fault !== undefined) continue
    // Neither of the two may be cut short by the other's failure: a write that goes on would meet a closed descriptor.
    const work = [Effect.result(archive.push(piece)), Effect.result(part.write(piece))] as const
    const [checked, written] = yield* Effect.all(work, { concurrency: piece.length > SMALL_BYTES ? 2 : 1 })
    if (Result.isFailure(written)) return yield* Effect.fail(written.failure)
    if (Result.isSuccess(checked)) continue
    fault = checked.failure
    if (fault.problem === "too-large") return yield* Effect.fail(refusal(fault))
  }
  return { sha256: hasher.digest(), fault }
})

/** `incoming` is the directory that uploads arrive in. */
export const layer = (options: {
  readonly incoming: string
}): Layer.Layer<Intake, never, Codec | Volume | FileSystem.FileSystem | Dataset | Gate | Limits | Slots | Fatal> =>
  Layer.effect(
    Intake,
    Effect.gen(function* () {
      const limits = yield* Limits
      const gate = yield* Gate
      const dataset = yield* Dataset
      const volume = yield* Volume
      const context = yield* Effect.context<Codec | FileSystem.FileSystem | Fatal>()
      const fatal = yield* Fatal
      const slots = yield* Slots

      const roomFor = Effect.fnUntraced(function* (bytes: number) {
        const { freeBytes } = yield* volume.space(options.incoming).pipe(Effect.catch(diskProblem))
        if (freeBytes - bytes >= limits.minFreeBytes) return
        return yield* Effect.fail<Problem>({
          problem: "disk-full",
          error: `${bytes} bytes more would leave less than limits.min_free_bytes = ${limits.minFreeBytes} of ${freeBytes} free bytes`
        })
      })

      const store: Intake["Service"]["store"] = (path, announced, report, isNew) => {
        const { bytes, episodeId, hostId, sha256 } = announced
        const commit = report.metaCommit ?? announced.commit
        const { contentSha256 } = report
        const arrival = { path, hostId, episodeId, sha256, bytes, contentSha256, isNew }
        return dataset
          .commit({ ...arrival, ...(commit === undefined ? {} : { commit }) })
          .pipe(orEndProgram, Effect.provideService(Fatal, fatal))
      }

      const takeIn = Effect.fnUntraced(
        function* (
          request: HttpServerRequest,
          announced: Announcement,
          { isNew, onBytes }: { readonly isNew: boolean; readonly onBytes: (received: number) => void },
          answered: Scope.Scope
        ) {
          yield* slots.take(announced)
          const archive = yield* openArchive({
            episodeId: announced.episodeId,
            maxMembers: limits.maxMembers,
            maxUnpackedBytes: limits.maxUnpackedBytes
          })
          const part = yield* openPart(options.incoming, announced)
          const body = yield* openBody(request, { bytes: announced.bytes }, limits)
          const arrived = yield* pour(body, archive, part).pipe(
            Effect.ensuring(Effect.sync(() => onBytes(body.received())))
          )
          // From here on the client is not needed.
          const report = yield* checkedReport(arrived, archive, announced, isNew && gate.enabled)
          yield* part.sync
          // A crash from here on leaves a whole tarball in `incoming/`, which the next start takes in or removes.
          yield* part.handOver
          return yield* store(part.path, announced, report, isNew).pipe(Scope.provide(answered))
        },
        Effect.scoped,
        Effect.uninterruptible,
        withServices(context)
      )
      const take: Intake["Service"]["take"] = (request, announced, how) =>
        Effect.flatMap(Effect.scope, (answered) => takeIn(request, announced, how, answered))
      return { roomFor, take, store }
    })
  )
