import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import { Volume } from "./services/Volume.ts"
import { withServices } from "./withServices.ts"

/** Another text after the file was written or replaced, or the one that a link in its place leads to. */
const looksOf = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const volume = yield* Volume
  const { mtimeNs } = yield* volume.inspect(file)
  const { dev, ino, mtime, size } = yield* fs.stat(file)
  return [mtimeNs, dev, Option.getOrElse(ino, () => 0), size, Option.getOrUndefined(mtime)?.getTime()].join("/")
})

/**
 * Tokens that follow their files: `read` is run again when one of `files` looks otherwise than before. What cannot be read then is
 * logged once, and the tokens stay what they were: a file that is being replaced locks nobody out.
 */
export const followTokens = <A, E extends { readonly message: string }, R>(
  files: ReadonlyArray<string>,
  read: Effect.Effect<A, E, R>
): Effect.Effect<Effect.Effect<A>, E, R | FileSystem.FileSystem | Volume> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<R | FileSystem.FileSystem | Volume>()
    const looks = Effect.forEach(files, (file) =>
      Effect.catch(looksOf(file), ({ reason }) => Effect.succeed(reason._tag))
    ).pipe(
      Effect.map((all) => all.join(" ")),
      withServices(context)
    )

    let seen = yield* looks
    let tokens = yield* read
    let trouble: string | undefined
    const use = Effect.fnUntraced(function* (fresh: A) {
      tokens = fresh
      if (trouble === undefined) return
      trouble = undefined
      yield* Effect.logInfo("tokens can be read again, and are in use")
    })
    const stay = Effect.fnUntraced(function* ({ message }: E) {
      if (message === trouble) return
      trouble = message
      yield* Effect.logWarning(`tokens changed and cannot be read: ${message}; the old ones stay`)
    })
    const readAgain = Effect.matchEffect(read, { onSuccess: use, onFailure: stay }).pipe(Effect.provideContext(context))
    const one = yield* Semaphore.make(1)
    const current = Effect.gen(function* () {
      const now = yield* looks
      if (now !== seen) {
        seen = now
        yield* readAgain
      }
      return tokens
    })
    // One at a time: nobody is measured by the old tokens while another reads the new ones.
    return one.withPermit(current)
  })
