/** The host's own trouble: a file that cannot be read, a full disk. The episode stays. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type { EpisodeId } from "../domain/names.ts"
import type { CodecError } from "../services/Codec.ts"
import { codeOf, wordsOf } from "../systemError.ts"
import { Layout } from "./layout.ts"
import { Patience } from "./Patience.ts"
import type { DiskNearlyFull } from "./pack.ts"
import type { TarballUnreadable } from "./parcel.ts"
import { meetTrouble, outcome, type Run } from "./run.ts"

type Trouble = PlatformError | CodecError | DiskNearlyFull

/** Troubles that every other episode would meet too, as the system names them: a disk that is full or read-only, no file handles. */
const OF_THE_WHOLE_HOST: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EROFS", "EMFILE", "ENFILE"])

const isOfTheWholeHost = (error: PlatformError): boolean => OF_THE_WHOLE_HOST.has(codeOf(error) ?? "")

/** What goes for the whole host: in words that stay the same as long as it does, or it would be said each time. */
const wordsOfHost = (error: Trouble): string | undefined => {
  if (error._tag === "DiskNearlyFull")
    return "disk nearly full; to mend: free as much as the warnings about episodes say"
  return error._tag === "PlatformError" && isOfTheWholeHost(error) ? wordsOf(error) : undefined
}

/** Seconds. Trying takes the disk down to what recordings need, and has what was shipped pruned for it. */
const NEARLY_FULL_WAIT = 3600

export const hostTrouble = Effect.fnUntraced(function* (
  run: Run,
  id: EpisodeId,
  error: Trouble,
  what = "cannot be packed now"
) {
  const patience = yield* Patience
  yield* patience.failed(id, error._tag === "DiskNearlyFull" ? NEARLY_FULL_WAIT : undefined)
  const words = error._tag === "PlatformError" ? wordsOf(error) : error.message
  const ofHost = wordsOfHost(error)
  if (ofHost !== undefined) meetTrouble(run, id, { error: `this host: ${ofHost}`, status: 0, retryAfter: undefined })
  run.lastTrouble = `${id}: ${words}`
  yield* Effect.logWarning(`${what}: ${words}`).pipe(Effect.annotateLogs({ episode: id }))
  return outcome("transient_failures")
})

/** A tarball that is packed anew, unless nothing else can be read now either; an upload goes on if the same comes of it. */
export const meetUnreadable = Effect.fnUntraced(function* (run: Run, id: EpisodeId, { why }: TarballUnreadable) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  if (!isOfTheWholeHost(why)) yield* fs.remove(paths.tarball(id), { force: true })
  return yield* hostTrouble(run, id, why, `cannot be sent now: outbox/${id}.tar.zst`)
})
