/** The body's way in: read, hashed, checked and written in one go; what is whole and valid goes to the dataset. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import type { Sha256 } from "../domain/names.ts"
import type { Problem, StoredAnswer } from "../domain/protocol.ts"
import { Codec } from "../services/Codec.ts"
import { Volume } from "../services/Volume.ts"
import { type Archive, type ArchiveFault, type ArchiveReport, openArchive } from "./archive.ts"
import { type Body, openBody } from "./body.ts"
import { Dataset } from "./Dataset.ts"
import { Fatal, orEndProgram } from "./Fatal.ts"
import { Gate } from "./gate.ts"
import { Limits } from "./limits.ts"
import { diskProblem, openPart, type Part } from "./part.ts"
import type { Announcement } from "./questions.ts"
import { makeSlots } from "./slots.ts"

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
  }
>()("cis490/receiver/Intake") {}

const refusal = ({ error, limitBytes, problem }: ArchiveFault): Problem => ({
  problem,
  error,
  ...(limitBytes === undefined ? {} : { members: { limit_bytes: limitBytes } })
})

const mismatch = (what: string, came: Sha256, announced: Sha256): Problem => ({
  problem: "digest-mismatch",
  error: `digest mismatch: ${what} that came has SHA-256 ${came}, announced was ${announced}`
})

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
    const [checked, written] = yield* Effect.all(work, { concurrency: 2 })
    if (Result.isFailure(written)) return yield* Effect.fail(written.failure)
    if (Result.isSuccess(checked)) continue
    fault = checked.failure
    if (fault.problem === "too-large") return yield* Effect.fail(refusal(fault))
  }
  return { sha256: hasher.digest(), fault }
})

/** What of the report contradicts what was announced. */
const contradiction = (report: ArchiveReport, announced: Announcement, checkCommit: boolean): Problem | undefined => {
  if (announced.contentSha256 !== undefined && report.contentSha256 !== announced.contentSha256) {
    return mismatch("content", report.contentSha256, announced.contentSha256)
  }
  if (checkCommit && report.metaCommit !== announced.commit) {
    const says = report.metaCommit === undefined ? "names none" : `says ${report.metaCommit}`
    return {
      problem: "invalid-archive",
      error: `invalid archive: commit in meta.json's code_version ${says}, X-Cis490-Code-Commit says ${announced.commit}`
    }
  }
  return undefined
}

const checkedReport = Effect.fnUntraced(function* (
  arrived: { readonly sha256: Sha256; readonly fault: ArchiveFault | undefined },
  archive: Archive,
  announced: Announcement,
  checkCommit: boolean
) {
  if (arrived.sha256 !== announced.sha256)
    return yield* Effect.fail(mismatch("the body", arrived.sha256, announced.sha256))
  if (arrived.fault !== undefined) return yield* Effect.fail(refusal(arrived.fault))
  const report = yield* Effect.mapError(archive.end, refusal)
  const problem = contradiction(report, announced, checkCommit)
  return problem === undefined ? report : yield* Effect.fail(problem)
})

/** `incoming` is the directory that uploads arrive in. */
export const layer = (options: {
  readonly incoming: string
}): Layer.Layer<Intake, never, Codec | Volume | FileSystem.FileSystem | Dataset | Gate | Limits | Fatal> =>
  Layer.effect(
    Intake,
    Effect.gen(function* () {
      const limits = yield* Limits
      const gate = yield* Gate
      const dataset = yield* Dataset
      const volume = yield* Volume
      const context = yield* Effect.context<Codec | FileSystem.FileSystem | Fatal>()
      const slots = makeSlots(limits.maxConcurrentUploads)

      const roomFor = Effect.fnUntraced(function* (bytes: number) {
        const { freeBytes } = yield* volume.space(options.incoming).pipe(Effect.catch(diskProblem))
        if (freeBytes - bytes >= limits.minFreeBytes) return
        return yield* Effect.fail<Problem>({
          problem: "disk-full",
          error: `${bytes} bytes more would leave less than limits.min_free_bytes = ${limits.minFreeBytes} of ${freeBytes} free bytes`
        })
      })

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
          const body = yield* openBody(request, announced.bytes, limits)
          const arrived = yield* pour(body, archive, part).pipe(
            Effect.ensuring(Effect.sync(() => onBytes(body.received())))
          )
          // From here on the client is not needed.
          const report = yield* checkedReport(arrived, archive, announced, isNew && gate.enabled)
          yield* part.sync
          // A crash from here on leaves a whole tarball in `incoming/`, which the next start takes in or removes.
          yield* part.handOver
          const commit = report.metaCommit ?? announced.commit
          return yield* orEndProgram(
            dataset.commit({
              path: part.path,
              hostId: announced.hostId,
              episodeId: announced.episodeId,
              sha256: announced.sha256,
              bytes: announced.bytes,
              contentSha256: report.contentSha256,
              ...(commit === undefined ? {} : { commit })
            })
          ).pipe(Scope.provide(answered))
        },
        Effect.scoped,
        Effect.uninterruptible,
        (effect) => Effect.provideContext(effect, context)
      )
      const take: Intake["Service"]["take"] = (request, announced, how) =>
        Effect.flatMap(Effect.scope, (answered) => takeIn(request, announced, how, answered))
      return { roomFor, take }
    })
  )
