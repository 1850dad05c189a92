import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"

const RENEWED_EVERY = Duration.millis(200)
export const CLEAR_LINE = "\r\u001b[2K"
/** What does not fit is cut off: a second row would stay. */
const inOneRow = (text: string): string => `\u001b[?7l${text}\u001b[?7h`

/** At a terminal, one line on stderr that says what `line` gives as far as it fits, renewed while `work` goes on and gone when it is done. */
export const withLine = Effect.fnUntraced(function* <A, E, R>(
  line: Effect.Effect<string>,
  work: Effect.Effect<A, E, R>
) {
  const stdio = yield* Stdio.Stdio
  if (!(yield* stdio.stderrIsTerminal)) return yield* work
  const write = (text: string) => Effect.ignore(Stream.run(Stream.succeed(text), stdio.stderr({ endOnDone: false })))
  const draw = Effect.forever(
    Effect.andThen(
      Effect.flatMap(line, (text) => write(`${CLEAR_LINE}${inOneRow(text)}`)),
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
      Effect.sync(() => line),
      work((next) => Effect.sync(() => void (line = next)))
    )
  })
