/** What is under a path, where "nothing" is an answer and only not knowing is an error. Links are never followed. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { type PlatformError, systemError } from "effect/PlatformError"
import { Volume } from "./services/Volume.ts"

/** `undefined` for what is not there. */
export const orMissing = <A, R>(
  effect: Effect.Effect<A, PlatformError, R>
): Effect.Effect<A | undefined, PlatformError, R> =>
  Effect.catchIf(
    effect,
    (error) => error.reason._tag === "NotFound",
    () => Effect.succeed(undefined)
  )

/** What kind of thing has this name; `undefined` when nothing has. */
export const typeAt = (path: string) =>
  Effect.flatMap(Volume, (volume) => Effect.map(volume.find(path), (found) => found?.type))

/** Whether anything at all has this name, a broken link too. */
export const isTaken = (path: string) => Effect.map(typeAt(path), (type) => type !== undefined)

/** Fails with `NotFound` where there is no directory under this very name: a link to one is none. */
export const mustBeDirectory = Effect.fnUntraced(function* (path: string) {
  if ((yield* typeAt(path)) === "Directory") return
  return yield* systemError({
    _tag: "NotFound",
    module: "FileSystem",
    method: "lstat",
    description: "no such directory",
    pathOrDescriptor: path
  })
})

/** Whether it was done: false where the name was there already. */
export const orTaken = <A, R>(effect: Effect.Effect<A, PlatformError, R>): Effect.Effect<boolean, PlatformError, R> =>
  Effect.catchIf(
    Effect.map(effect, () => true),
    (error: PlatformError) => error.reason._tag === "AlreadyExists",
    () => Effect.succeed(false)
  )

/** Does what fails where the name is taken; what a crash, or somebody else, left under it goes first: a link would be written through. */
export const anew = <A, R>(path: string, make: Effect.Effect<A, PlatformError, R>, recursive = false) =>
  Effect.catchIf(
    make,
    (error) => error.reason._tag === "AlreadyExists",
    () =>
      Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.andThen(fs.remove(path, { recursive, force: true }), make))
  )
