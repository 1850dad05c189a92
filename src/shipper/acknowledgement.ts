/**
 * An operator has seen a quarantine entry: noted as `state/acked/<name>` with the time of the entry, so that a later entry of the
 * same name is not taken for seen.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Durable from "../durable.ts"
import { orMissing } from "../presence.ts"
import { Layout } from "./layout.ts"

const markerOf = (name: string) => Effect.map(Layout, (paths) => `${paths.state}/acked/${name}`)

export const acknowledge = Effect.fnUntraced(function* (name: string, quarantinedAt: string) {
  const paths = yield* Layout
  yield* Durable.makeDirectory(`${paths.state}/acked`)
  yield* Durable.write(yield* markerOf(name), quarantinedAt)
})

export const isAcknowledged = Effect.fnUntraced(function* (name: string, quarantinedAt: string) {
  const fs = yield* FileSystem.FileSystem
  return (yield* orMissing(fs.readFileString(yield* markerOf(name)))) === quarantinedAt
})

/** For an entry that is no longer in quarantine. */
export const forgetAcknowledgement = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.remove(yield* markerOf(name), { force: true })
})
