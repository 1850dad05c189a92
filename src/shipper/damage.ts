/**
 * Digest mismatches. One episode that comes to its third in a row is damaged and goes to quarantine; two different ones in a row that
 * come to this mean the host or the link, and none of them is blamed.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { typeAt } from "../presence.ts"
import { wordsOf } from "../systemError.ts"
import * as Unsynced from "../unsynced.ts"
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
  run.suspects.add(id)
  if (run.suspects.size === 1) {
    run.suspect = suspect
    return outcome("suspect")
  }
  run.stop ??= {
    error: `two different episodes arrived damaged three times in a row (${[...run.suspects].join(", ")}): this host's memory or disk, or the link, damages what is sent`,
    status,
    retryAfter: undefined
  }
  acquit(run)
  // It comes last in the next pass: a healthy neighbour that gets through ends the suspicion.
  yield* writeTally(id, { ...tally, damaged, stopped: tally.stopped + 1 })
  return outcome("transient_failures")
})

/** It stays where it is: nothing shows that the fault is its own. */
const acquit = (run: Run): void => {
  if (run.suspect !== undefined) run.counts.transient_failures++
  run.suspect = undefined
}

/** Blames the suspect: another episode arrived whole after it. */
const blame = Effect.fnUntraced(function* (run: Run, suspect: Suspect) {
  run.suspect = undefined
  yield* refuse(suspect.id, { ...suspect, reason: "damaged" }).pipe(
    Effect.tap(() => Effect.sync(() => run.counts.fatal++)),
    Effect.catchTag("PlatformError", (error) =>
      Effect.logWarning(`cannot be quarantined now: ${wordsOf(error)}`).pipe(
        Effect.annotateLogs({ episode: suspect.id })
      )
    )
  )
})

/** An episode arrived whole: the link is good, and whoever is under suspicion has itself to blame. */
export const clearLink = Effect.fnUntraced(function* (run: Run) {
  run.row.clear()
  if (run.suspect !== undefined) yield* blame(run, run.suspect)
  run.suspects.clear()
})

/** The end of a pass: a suspect that no other was left to be compared with is to blame; a pass that was stopped shows nothing. */
export const judgeSuspect = Effect.fnUntraced(function* (run: Run) {
  if (run.stop !== undefined) acquit(run)
  if (run.suspect !== undefined) yield* blame(run, run.suspect)
})

const notePath = Effect.map(Layout, (paths) => `${paths.state}/suspects`)

/** One id a line; two of them mean the link, until something arrives whole. */
export const readSuspects = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* notePath
  const reading = Effect.flatMap(typeAt(path), (type) =>
    type === undefined ? Effect.succeed("") : fs.readFileString(path)
  )
  const text = Option.getOrElse(yield* Effect.option(reading), () => "")
  return text.split("\n").filter((line) => line !== "")
})

export const writeSuspects = Effect.fnUntraced(function* (before: ReadonlyArray<string>, run: Run) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* notePath
  // Two say as much as two thousand.
  const after = [...run.suspects].slice(0, 2)
  if (after.join() === before.join()) return
  yield* after.length === 0 ? fs.remove(path, { force: true }) : Unsynced.create(path, `${after.join("\n")}\n`)
})
