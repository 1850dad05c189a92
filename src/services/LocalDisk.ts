import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { Volume } from "./Volume.ts"

/**
 * The same `FileSystem` and `Volume` for disks of this machine that are asked thousands of times: what is small is read, written,
 * made, renamed and removed in place, without a turn of the thread pool. If such a disk hangs, the whole program hangs and the
 * watchdog ends it; code that must go on uses the ordinary services.
 */
export class LocalDisk extends Context.Service<
  LocalDisk,
  { readonly files: FileSystem.FileSystem; readonly volume: Volume["Service"] }
>()("cis490/services/LocalDisk") {}

/** Does its work on the local disk. */
export const onLocalDisk = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.flatMap(LocalDisk, ({ files, volume }) =>
    work.pipe(Effect.provideService(FileSystem.FileSystem, files), Effect.provideService(Volume, volume))
  )
