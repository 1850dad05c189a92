/** What every host said last: one small file per host. It may be lost without losing anything, so that nothing here is synced. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import { HostId } from "../domain/names.ts"
import { PingBody } from "../domain/ping.ts"
import { hostFiles } from "./hostFiles.ts"

const Seen = Schema.Struct({
  id: Schema.String,
  /** RFC 3339, UTC. */
  seen_at: Schema.String
})

/** `<directory>/<host_id>.json`. */
export const HostRow = Schema.Struct({
  host_id: HostId,
  /** When it last said something: RFC 3339, UTC. */
  seen_at: Schema.String,
  said: PingBody,
  /** The `instance_id`s of the last hour, newest first; two of them are two machines under one `host_id`. */
  instances: Schema.Array(Seen),
  /** Since when it always had something in quarantine: RFC 3339, UTC. */
  quarantined_since: Schema.optionalKey(Schema.String)
})
export type HostRow = typeof HostRow.Type

const files = hostFiles(HostRow)

/** Of all hosts that ever said something, by name. */
export const readHosts = files.readAll

const INSTANCE_MEMORY_MILLIS = 3_600_000
/** A host that invents an id for every ping does not make its file grow. */
const MAX_INSTANCES = 16

const millisOf = (time: string): number => Date.parse(time)

/** A host that does not say changes nothing. */
const quarantinedSince = (before: HostRow | undefined, { quarantined }: PingBody, seenAt: string) => {
  const known = before?.quarantined_since
  const since =
    quarantined === 0 ? undefined : quarantined === undefined || quarantined === null ? known : (known ?? seenAt)
  return since === undefined ? {} : { quarantined_since: since }
}

/** What to remember once `said` was said at `now` (milliseconds since 1970). */
export const remembered = (before: HostRow | undefined, said: PingBody, now: number): HostRow => {
  const seenAt = DateTime.formatIso(DateTime.makeUnsafe(now))
  const current = said.instance_id ?? undefined
  const others = (before?.instances ?? []).filter(
    ({ id, seen_at }) => id !== current && now - millisOf(seen_at) < INSTANCE_MEMORY_MILLIS
  )
  const instances = current === undefined ? others : [{ id: current, seen_at: seenAt }, ...others]
  return {
    host_id: said.host_id,
    seen_at: seenAt,
    said,
    instances: instances.slice(0, MAX_INSTANCES),
    ...quarantinedSince(before, said, seenAt)
  }
}

export class Hosts extends Context.Service<
  Hosts,
  {
    /** A disk that does not take it is logged: what a host says is answered all the same. */
    readonly remember: (said: PingBody) => Effect.Effect<void>
    /** All that ever said something, by name. */
    readonly all: Effect.Effect<ReadonlyArray<HostRow>, PlatformError>
  }
>()("cis490/receiver/Hosts") {}

/** Makes the directory when it is missing. */
export const layer = (directory: string): Layer.Layer<Hosts, PlatformError, FileSystem.FileSystem> =>
  Layer.effect(
    Hosts,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const one = yield* Semaphore.make(1)
      yield* fs.makeDirectory(directory, { recursive: true, mode: 0o700 })

      const remember = Effect.fnUntraced(
        function* (said: PingBody) {
          const before = yield* files.read(directory, said.host_id)
          yield* files.write(directory, said.host_id, remembered(before, said, yield* Clock.currentTimeMillis))
        },
        (effect, said) =>
          effect.pipe(
            Effect.provideService(FileSystem.FileSystem, fs),
            one.withPermit,
            Effect.catch((error) => Effect.logWarning(`what ${said.host_id} said is not remembered: ${error.message}`))
          )
      )
      return { remember, all: Effect.provideService(readHosts(directory), FileSystem.FileSystem, fs) }
    })
  )
