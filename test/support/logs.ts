import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"

/** What `effect` logs through `logger`, by stream, one entry per write. */
export const logsOf = (logger: Layer.Layer<never>, effect: Effect.Effect<void>) => {
  const stderr: Array<string> = []
  const stdout: Array<string> = []
  const console: Console.Console = Object.assign(Object.create(globalThis.console), {
    error: (text: string) => void stderr.push(text),
    log: (text: string) => void stdout.push(text)
  })
  return effect.pipe(
    Effect.provide(logger),
    Effect.provideService(Console.Console, console),
    Effect.as({ stderr, stdout })
  )
}
