/**
 * Digest mismatches. One episode that comes to its third in a row is damaged and goes to quarantine; two different ones in a row that
 * come to this mean the host or the link, and none of them is blamed.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { Layout } from "./layout.ts"
import { readTally, writeTally } from "./notes.ts"
import { removeTarball } from "./outbox.ts"
import { meetTrouble, outcome, type Run, type Suspect } from "./run.ts"
import { refuse } from "./settle.ts"

const LIMIT = 3

export const meetDamage = Effect.fnUntraced(function* (run: Run, suspect: Suspect) {
  const { error, id, status } = suspect
  const tally = yield* readTally(id)
  const damaged = tally.damaged + 1
  // Counted before the tarball goes: a crash here packs anew all the same, because the next answer is another mismatch or none.
  yield* writeTally(id, { ...tally, damaged })
  yield* removeTarball(id)
  yield* Effect.logWarning(`damaged on the way: ${error}`).pipe(
    Effect.annotateLogs({ episode: id, status, times: damaged })
  )
  if (damaged < LIMIT) {
    meetTrouble(run, id, { error, status, retryAfter: undefined })
    return outcome("transient_failures")
  }
  if (run.lastSuspect === undefined || run.lastSuspect === id) {
    run.suspect = suspect
    run.lastSuspect = id
    return outcome("suspect")
  }
  run.stop ??= {
    error: `two different episodes arrived damaged three times in a row (${run.lastSuspect}, ${id}): this host's memory or disk, or the link, damages what is sent`,
    status,
    retryAfter: undefined
  }
  if (run.suspect !== undefined) run.counts.transient_failures++
  run.suspect = undefined
  run.lastSuspect = id
  return outcome("transient_failures")
})

/** Blames the suspect: another episode arrived whole after it, or none was left to compare with. */
export const blameSuspect = Effect.fnUntraced(function* (run: Run) {
  const suspect = run.suspect
  if (suspect === undefined) return
  run.suspect = undefined
  run.counts.fatal++
  yield* refuse(suspect.id, { ...suspect, reason: "damaged" })
})

/** An episode arrived whole: the link is good, and whoever is under suspicion has itself to blame. */
export const clearLink = Effect.fnUntraced(function* (run: Run) {
  run.row.clear()
  yield* blameSuspect(run)
  run.lastSuspect = undefined
})

const notePath = Effect.map(Layout, (paths) => `${paths.state}/suspect`)

export const readLastSuspect = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return Option.getOrUndefined(yield* Effect.option(fs.readFileString(yield* notePath)))
})

export const writeLastSuspect = Effect.fnUntraced(function* (before: string | undefined, after: string | undefined) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* notePath
  if (after === before) return
  yield* after === undefined ? fs.remove(path, { force: true }) : fs.writeFileString(path, after, { mode: 0o600 })
})
