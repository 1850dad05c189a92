import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { Volume } from "../services/Volume.ts"
import type { Tokens } from "./auth.ts"

/**
 * Tokens that follow their files: `read` is run again when one of `files` looks otherwise than before. What cannot be read then is
 * logged once, and the tokens stay what they were: a file that is being replaced locks nobody out.
 */
export const followTokens = <E extends { readonly message: string }, R>(
  files: ReadonlyArray<string>,
  read: Effect.Effect<Tokens, E, R>
): Effect.Effect<Effect.Effect<Tokens>, E, R | Volume> =>
  Effect.gen(function* () {
    const volume = yield* Volume
    const context = yield* Effect.context<R>()
    const looks = Effect.forEach(files, (file) =>
      volume.inspect(file).pipe(
        Effect.map(({ mtimeNs, size }) => `${mtimeNs}/${size}`),
        Effect.catch(({ reason }) => Effect.succeed(reason._tag))
      )
    ).pipe(Effect.map((all) => all.join(" ")))

    let seen = yield* looks
    let tokens = yield* read
    const readAgain = read.pipe(
      Effect.map((fresh) => {
        tokens = fresh
      }),
      Effect.catch((error) =>
        Effect.logWarning(`tokens changed and cannot be read: ${error.message}; the old ones stay`)
      ),
      Effect.provideContext(context)
    )
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
