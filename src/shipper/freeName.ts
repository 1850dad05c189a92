import * as Effect from "effect/Effect"
import { suffixed } from "../domain/names.ts"
import * as Durable from "../durable.ts"
import { isTaken } from "../presence.ts"

/** The first of `name`, `name~1`, `name~2`, … that nothing has. */
export const freeName = Effect.fnUntraced(function* <E, R>(
  name: string,
  isOccupied: (name: string) => Effect.Effect<boolean, E, R>
) {
  for (let attempt = 0; ; attempt++) {
    const candidate = suffixed(name, attempt)
    if (!(yield* isOccupied(candidate))) return candidate
  }
})

/**
 * Moves a directory, durably, under the first free name and gives that name. Nothing is overwritten: should the name be taken in
 * the meantime, rename(2) refuses a directory that has anything in it, and the next name is tried.
 */
export const moveToFreeName = Effect.fnUntraced(function* (from: string, name: string, to: (name: string) => string) {
  for (;;) {
    const free = yield* freeName(name, (candidate) => isTaken(to(candidate)))
    const lost = yield* Durable.move(from, to(free)).pipe(
      Effect.as(false),
      Effect.catch((error) =>
        Effect.flatMap(Effect.all([isTaken(from), isTaken(to(free))]), ([still, taken]) =>
          still && taken ? Effect.succeed(true) : Effect.fail(error)
        )
      )
    )
    if (!lost) return free
  }
})
