import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { Heartbeat } from "../../domain/topology/wire.ts"
import { Book } from "./book.ts"
import { saySuperseded } from "./superseded.ts"
import { dated, differencesOf, type Watched } from "./watched.ts"

const heardFrom = (host: Watched, said: Heartbeat, heard_at: string): Watched => {
  const heard: Watched = {
    ...host,
    heard: { topology: said.topology, serial: (host.heard?.serial ?? 0) + 1 },
    report: { ...host.report, heard_at, said }
  }
  const differs = differencesOf(heard).length > 0
  return {
    ...heard,
    report: dated(heard.report, differs, heard_at),
    ...(differs ? {} : { attempts: 0, notBefore: 0 })
  }
}

const sayDrift = (before: Watched, after: Watched): Effect.Effect<void> => {
  const [first, ...more] = differencesOf(after)
  if (first === undefined) {
    const differed = before.report.drift_since !== undefined
    return differed ? Effect.logInfo(`${after.hostId} runs what it should`) : Effect.void
  }
  if (before.report.drift_since !== undefined && differencesOf(before)[0] === first) return Effect.void
  const rest = more.length === 0 ? "" : `, and ${more.length} more`
  return Effect.logWarning(`${after.hostId} is not as it is wanted: ${first}${rest}`)
}

/** Takes note of what an agent reports. Of a host that is not known, nothing is. */
export const hear = Effect.fnUntraced(function* (said: Heartbeat) {
  const book = yield* Book
  const before = yield* book.find(said.host_id)
  const at = DateTime.formatIso(yield* DateTime.now)
  const after = heardFrom(before, said, at)
  // Said first: from then on it may be acted upon.
  yield* sayDrift(before, after)
  yield* saySuperseded(before, after)
  yield* book.change(said.host_id, (host) => heardFrom(host, said, at))
})
