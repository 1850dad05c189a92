import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { Commit } from "../../src/domain/names.ts"
import type { CommitSource, CommitWindow, SourceFailed } from "../../src/services/CommitSource.ts"

/** The n-th commit of a made-up history. */
export const commit = (n: number): Commit => Commit.make(n.toString(16).padStart(40, "0"))

/** From the newest down to the oldest, both included. */
export const windowOf = (newest: number, oldest: number): CommitWindow => ({
  commits: [commit(newest), ...Array.from({ length: newest - oldest }, (_, i) => commit(newest - 1 - i))]
})

/** A source that says what it is told to say, and counts how often it is asked. */
export const makeSource = (name: string, says: Effect.Effect<CommitWindow, SourceFailed>) => {
  const control = { asked: 0, asking: 0, most: 0, says }
  const window = Effect.suspend(() => {
    control.asked++
    control.asking++
    control.most = Math.max(control.most, control.asking)
    return Effect.onExit(control.says, () => Effect.sync(() => control.asking--))
  })
  const source: CommitSource["Service"] = { name, window }
  return { control, source }
}

/** The `source` of every line that names one, with its level. */
export const recordSources = () => {
  const said: Array<string> = []
  const logger = Logger.make(({ fiber, logLevel }) => {
    const { source } = fiber.getRef(References.CurrentLogAnnotations)
    if (source !== undefined) said.push(`${logLevel} ${String(source)}`)
  })
  return { said, layer: Logger.layer([logger]) }
}
