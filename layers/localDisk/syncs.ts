import * as NodeFs from "node:fs"
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import { fileError } from "./errors.ts"
import { inPlace } from "./inPlace.ts"
import { onThread } from "./onThread.ts"

/** fsync(2) of open files. */
export interface Syncs {
  readonly sync: (descriptor: number) => Effect.Effect<void, PlatformError>
}

interface Waiting {
  readonly descriptor: number
  readonly done: (outcome: Effect.Effect<void, PlatformError>) => void
}

type Fsync = (descriptor: number, done: (error: NodeJS.ErrnoException | null) => void) => void

/** On the thread pool. Those of one directory share: whoever asks while one goes on waits for the next, with all the others. */
export const makeSyncs = (fsync: Fsync = NodeFs.fsync): Syncs => {
  /** By device and inode: a name may come to another directory. Who waits for the sync behind the one that goes on. */
  const next = new Map<string, Array<Waiting>>()

  const round = (directory: string, [first, ...others]: ReadonlyArray<Waiting>): void => {
    if (first === undefined) return void next.delete(directory)
    const waiting: Array<Waiting> = []
    next.set(directory, waiting)
    fsync(first.descriptor, (error) => {
      const outcome = error === null ? Effect.void : Effect.fail(fileError("sync", first.descriptor, error))
      for (const { done } of [first, ...others]) done(outcome)
      round(directory, waiting)
    })
  }

  // Not to be interrupted: the descriptor of one is synced for all.
  const shared = (directory: string, descriptor: number) =>
    Effect.uninterruptible(
      Effect.callback<void, PlatformError>((done) => {
        const waiting = next.get(directory)
        if (waiting === undefined) round(directory, [{ descriptor, done }])
        else waiting.push({ descriptor, done })
      })
    )

  return {
    sync: (descriptor) =>
      Effect.flatMap(
        inPlace("sync", descriptor, () => NodeFs.fstatSync(descriptor, { bigint: true })),
        (stats) =>
          stats.isDirectory()
            ? shared(`${stats.dev}:${stats.ino}`, descriptor)
            : onThread<void>("sync", descriptor, undefined, (done) => fsync(descriptor, done))
      )
  }
}
