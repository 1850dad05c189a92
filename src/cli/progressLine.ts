import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"

const RENEWED_EVERY = Duration.millis(200)
export const CLEAR_LINE = "\r\u001b[2K"

/** At a terminal, one line on stderr that says what `line` gives, renewed while `work` goes on and gone when it is done. */
export const withLine = Effect.fnUntraced(function* <A, E, R>(line: () => string, work: Effect.Effect<A, E, R>) {
  const stdio = yield* Stdio.Stdio
  if (!(yield* stdio.stderrIsTerminal)) return yield* work
  const write = (text: string) => Effect.ignore(Stream.run(Stream.succeed(text), stdio.stderr({ endOnDone: false })))
  const draw = Effect.forever(
    Effect.andThen(
      Effect.suspend(() => write(`${CLEAR_LINE}${line()}`)),
      Effect.sleep(RENEWED_EVERY)
    )
  )
  return yield* Effect.ensuring(Effect.raceFirst(work, draw), write(CLEAR_LINE))
})

/** The same for work that says by itself how far it is. */
export const withProgressLine = <A, E, R>(
  work: (show: (line: string) => Effect.Effect<void>) => Effect.Effect<A, E, R>
) =>
  Effect.suspend(() => {
    let line = ""
    return withLine(
      () => line,
      work((next) => Effect.sync(() => void (line = next)))
    )
  })
