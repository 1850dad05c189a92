/** What a maintainer would ask for, in one file. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import { formatTime } from "../domain/time.ts"
import { version } from "../domain/version.ts"
import { orMissing } from "../presence.ts"
import { Journal } from "../services/Journal.ts"
import { ServiceManager } from "../services/ServiceManager.ts"
import { wordsOf } from "../systemError.ts"
import { archive, type Member } from "./archive.ts"
import { within } from "./check.ts"
import { Ourselves } from "./ourselves.ts"
import { withoutSecrets } from "./secrets.ts"

/** One file of a bundle, or more; what cannot be had is said in its place. */
export interface Part<R> {
  readonly name: string
  readonly read: Effect.Effect<string | ReadonlyArray<Member>, { readonly message: string }, R>
}

/** Parts that need different things, as parts that need all of them. */
export const partsOf = <P extends Part<unknown>>(
  parts: ReadonlyArray<P>
): ReadonlyArray<Part<Effect.Services<P["read"]>>> =>
  parts as ReadonlyArray<Part<unknown>> as ReadonlyArray<Part<Effect.Services<P["read"]>>>

/** The bundle could not be written. */
export class NoBundle extends Schema.TaggedError<NoBundle>()("NoBundle", { message: Schema.String }) {}

const PART_MILLIS = 5000
const WRITE_MILLIS = 3000
const JOURNAL_LINES = 1000

export const asJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

const firstLines = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.orElseSucceed(fs.readFileString(path), () => `${path} cannot be read\n`)
})

const versions = Effect.gen(function* () {
  const { program } = yield* Ourselves
  const now = formatTime(yield* Clock.currentTimeMillis)
  const system = yield* Effect.forEach(["/proc/version", "/etc/os-release"], firstLines)
  return [`${program} ${version}`, `made ${now}`, ...system].join("\n")
})

const service = Effect.gen(function* () {
  const { program } = yield* Ourselves
  const manager = yield* ServiceManager
  return asJson(yield* manager.unit(program))
})

const journal = Effect.gen(function* () {
  const { program } = yield* Ourselves
  return yield* Effect.flatMap(Journal, (log) => log.last(program, JOURNAL_LINES))
})

/** Of every program. */
export const commonParts = partsOf([
  { name: "versions.txt", read: versions },
  { name: "service.json", read: service },
  { name: "journal.txt", read: journal }
])

const MOST_FILES = 500
const LARGEST_BYTES = 65_536

/** Small files of ours below a directory, by what their name ends with. */
export const smallFiles = Effect.fnUntraced(function* (directory: string, top: string) {
  const fs = yield* FileSystem.FileSystem
  const names = ((yield* orMissing(fs.readDirectory(directory, { recursive: true }))) ?? []).toSorted()
  const members: Array<Member> = []
  for (const name of names) {
    if (members.length === MOST_FILES) break
    const info = yield* orMissing(fs.lstat(`${directory}/${name}`))
    if (info?.type !== "File" || info.size > LARGEST_BYTES) continue
    members.push({ name: `${top}/${name}`, content: yield* fs.readFileString(`${directory}/${name}`) })
  }
  return members
})

const readPart = Effect.fnUntraced(function* <R>({ name, read }: Part<R>) {
  const { answer, lettingGo } = yield* within(
    PART_MILLIS,
    Effect.match(read, {
      onFailure: ({ message }): ReadonlyArray<Member> => [{ name: `${name}.missing`, content: `${message}\n` }],
      onSuccess: (content): ReadonlyArray<Member> => (typeof content === "string" ? [{ name, content }] : content)
    })
  )
  return {
    lettingGo,
    members: answer ?? [{ name: `${name}.missing`, content: `not had within ${PART_MILLIS / 1000} s\n` }]
  }
})

/** What goes into a bundle beside the rows. */
export const gather = Effect.fnUntraced(function* <R>(parts: ReadonlyArray<Part<R>>) {
  const read = yield* Effect.forEach(parts, readPart, { concurrency: "unbounded" })
  return {
    members: read.flatMap(({ members }) => members),
    lettingGo: Effect.forEach(read, ({ lettingGo }) => lettingGo, { concurrency: "unbounded", discard: true })
  }
})

/** A new file that only its owner may read; never over one that is there. */
const writeNew = Effect.fnUntraced(function* (file: string, bytes: Uint8Array) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.writeFile(file, bytes, { flag: "wx", mode: 0o600 }).pipe(
    Effect.tapError((error) =>
      error.reason._tag === "AlreadyExists" ? Effect.void : Effect.ignore(fs.remove(file, { force: true }))
    ),
    Effect.mapError((error) =>
      error.reason._tag === "AlreadyExists"
        ? new NoBundle({ message: `${file} is there already; the bundle goes into a new file only` })
        : new NoBundle({ message: `the bundle cannot be written: ${wordsOf(error)}` })
    )
  )
})

/** Writes the rows and what was gathered, without a secret in any of it. Gives why it could not be done. */
export const writeBundle = Effect.fnUntraced(
  function* (file: string, members: ReadonlyArray<Member>, secrets: ReadonlyArray<string>) {
    const { program } = yield* Ourselves
    const clean = members.map(({ content, name }) => ({ name, content: withoutSecrets(content, secrets) }))
    const bytes = yield* archive(`${program}-doctor`, clean, yield* Clock.currentTimeMillis).pipe(
      Effect.mapError(({ message }) => new NoBundle({ message: `the bundle cannot be packed: ${message}` }))
    )
    yield* writeNew(file, bytes)
  },
  (writing, file) =>
    Effect.map(
      within(WRITE_MILLIS, Effect.match(writing, { onFailure: ({ message }) => message, onSuccess: () => "" })),
      ({ answer, lettingGo }) => ({
        lettingGo,
        failed: answer === "" ? undefined : (answer ?? `${file} was not written within ${WRITE_MILLIS / 1000} s`)
      })
    )
)
