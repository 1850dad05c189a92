/** What is remembered of each host, in a directory of its own: `<directory>/<host_id>.json`, never synced. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import { type HostId, isHostId } from "../domain/names.ts"
import { orMissing } from "../presence.ts"
import * as Unsynced from "../unsynced.ts"

const ENDING = ".json"

export const hostFiles = <A>(schema: Schema.Codec<A, unknown>) => {
  const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(schema))
  const pathOf = (directory: string, hostId: HostId): string => `${directory}/${hostId}${ENDING}`

  /** `undefined` when there is none, or none that can be read: what the host says next replaces it. */
  const readAt = Effect.fnUntraced(function* (path: string) {
    const fs = yield* FileSystem.FileSystem
    const text = yield* orMissing(fs.readFileString(path))
    return text === undefined ? undefined : yield* decode(text)
  })
  const read = (directory: string, hostId: HostId) => {
    const path = pathOf(directory, hostId)
    return Effect.catch(readAt(path), (error) =>
      Effect.as(Effect.logWarning(`${path} cannot be read: ${error.message}`), undefined)
    )
  }

  return {
    read,
    /** Of all hosts of which something is remembered, by name. */
    readAll: Effect.fnUntraced(function* (directory: string) {
      const fs = yield* FileSystem.FileSystem
      const names = (yield* orMissing(fs.readDirectory(directory))) ?? []
      const hosts = names
        .filter((name) => name.endsWith(ENDING))
        .map((name) => name.slice(0, -ENDING.length))
        .filter(isHostId)
        .toSorted()
      const found = yield* Effect.forEach(hosts, (hostId) => read(directory, hostId))
      return found.filter((each) => each !== undefined)
    }),
    write: (directory: string, hostId: HostId, value: A) =>
      Unsynced.replace(pathOf(directory, hostId), JSON.stringify(value))
  }
}
