/** `quarantine list | ack | purge`. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { isTaken } from "../../presence.ts"
import { acknowledge, forgetAcknowledgement } from "../acknowledgement.ts"
import { discard } from "../discard.ts"
import { Layout } from "../layout.ts"
import { type QuarantineEntry, readEntry } from "../quarantineEntry.ts"
import { forEachName, Refused } from "./report.ts"
import { treeBytes } from "./treeBytes.ts"

export interface ListedEntry extends QuarantineEntry {
  readonly bytes: number
}

/** Every entry, oldest id first, with its size. `keepDays` is `retention.quarantine_keep_days`. */
export const listQuarantine = Effect.fnUntraced(function* (options: { readonly keepDays: number }) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  const names = (yield* fs.readDirectory(paths.quarantine)).toSorted()
  return yield* forEachName(
    names,
    Effect.fnUntraced(function* (name: string) {
      const entry = yield* readEntry(name, options.keepDays)
      if (entry === undefined) return undefined
      return { ...entry, bytes: yield* treeBytes(paths.quarantined(name)) } satisfies ListedEntry
    })
  )
})

/** What is wrong with it was seen; it may go when its days are over. */
export const acknowledgeEntries = (names: ReadonlyArray<string>) => forEachName(names, acknowledgeOne)

const acknowledgeOne = Effect.fnUntraced(function* (name: string) {
  yield* mustBeEntry(name)
  const entry = yield* readEntry(name, 0)
  if (entry === undefined) return yield* noSuchEntry(name)
  yield* acknowledge(name, entry.quarantined_at)
  return name
})

/** Deletes entries for good, whatever lies under their names. */
export const purge = (names: ReadonlyArray<string>) => forEachName(names, purgeOne)

const purgeOne = Effect.fnUntraced(function* (name: string) {
  const path = yield* mustBeEntry(name)
  const entry = yield* readEntry(name, 0)
  if (entry === undefined) return yield* noSuchEntry(name)
  yield* discard(path, name)
  yield* forgetAcknowledgement(name)
  yield* Effect.logWarning("purged from quarantine, as asked").pipe(
    Effect.annotateLogs({ name, reason: entry.reason ?? "unknown", quarantined_at: entry.quarantined_at })
  )
  return name
})

const noSuchEntry = (name: string) => new Refused({ message: `there is no ${JSON.stringify(name)} in quarantine/` })

/** Anything that lies in `quarantine/` can be named, nothing beyond it. */
const mustBeEntry = Effect.fnUntraced(function* (name: string) {
  const path = (yield* Layout).quarantined(name)
  if (name === "" || name === "." || name === ".." || /[/\0]/.test(name)) {
    return yield* new Refused({ message: `${JSON.stringify(name)} is not the name of an entry; see quarantine list` })
  }
  if (!(yield* isTaken(path))) return yield* noSuchEntry(name)
  return path
})
