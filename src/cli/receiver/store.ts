/** `backfill` and `verify`: the commands that go through the whole store. */
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { isPlatformError, type PlatformError } from "effect/PlatformError"
import { size } from "../../domain/humanize.ts"
import { backfill } from "../../receiver/backfill.ts"
import * as Fatal from "../../receiver/Fatal.ts"
import { layerWriters } from "../../receiver/layerDataset.ts"
import { setAside } from "../../receiver/setAside.ts"
import type { StoreOptions } from "../../receiver/storePaths.ts"
import { type VerifyReport, verify } from "../../receiver/verify.ts"
import { Lookups } from "../../services/Lookups.ts"
import { Attention, attention } from "../exit.ts"
import { json, printJson } from "../json.ts"
import { withProgressLine } from "../progressLine.ts"
import { table } from "../table.ts"
import { orHeld } from "./held.ts"
import { storeOptions, withSettings } from "./root.ts"

const isIndexMissing = (error: unknown): error is PlatformError =>
  isPlatformError(error) && error.reason._tag === "NotFound"

/** Alone on the store, to write it. */
const writing = <A, E, R>(options: StoreOptions, work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const lookups = yield* Lookups
    const writers = layerWriters(options).pipe(
      Layer.provide(lookups.beside(options.indexPath)),
      Layer.provideMerge(Fatal.layer)
    )
    return yield* Effect.provide(work, writers)
  })

export const backfillCommand = Command.make("backfill", { json }, (flags) =>
  withSettings((settings) =>
    Effect.gen(function* () {
      const options = storeOptions(settings)
      const report = yield* writing(
        options,
        withProgressLine((show) => backfill(options, ({ scanned }) => show(`${scanned} files`)))
      ).pipe(orHeld)
      yield* flags.json
        ? printJson(report)
        : Console.log(
            table(
              [
                ["stored files", String(report.scanned)],
                ["rows added", String(report.added)],
                ["rows completed", String(report.completed)],
                ["not sound", String(report.unsound)]
              ],
              { right: [1] }
            )
          )
      if (report.unsound > 0) return yield* new Attention()
    })
  )
).pipe(
  Command.withDescription("Give stored files the rows, and rows the members, that they lack"),
  Command.withExamples([
    { command: "cis490-receiver backfill", description: "After an index was lost or is from an old version" }
  ])
)

const flagSetAside = Flag.Boolean("set-aside").pipe(
  Flag.withDescription("Move damaged files to damaged/ and withdraw their rows, so that a host's reship can heal them"),
  Flag.withDefault(false)
)

const formatVerify = (report: VerifyReport, moved: ReadonlyMap<string, string>): string => {
  const findings = report.findings.map(({ found, kind, path }) => [
    kind,
    `${path}: ${found}${moved.has(path) ? `; now ${moved.get(path)}` : ""}`
  ])
  const strays = report.strays.map((path) => ["stray", path])
  const lines = report.unreadableLines === 0 ? [] : [["index", `${report.unreadableLines} lines are no rows`]]
  const rows = [...findings, ...strays, ...lines]
  const looked = `${report.files} of ${report.totalFiles} episodes read, ${size(report.bytes)}`
  return [
    ...(rows.length === 0 ? [] : [table(rows)]),
    `${looked}: ${report.findings.length === 0 ? "all well" : `${report.findings.length} not well`}`
  ].join("\n")
}

export const verifyCommand = Command.make("verify", { json, setAside: flagSetAside }, (flags) =>
  withSettings((settings) =>
    Effect.gen(function* () {
      const options = storeOptions(settings)
      const lookups = yield* Lookups
      const look = withProgressLine((show) =>
        verify(options, ({ bytes, files, totalFiles }) => show(`${files} of ${totalFiles} episodes, ${size(bytes)}`))
      ).pipe(
        Effect.provide(lookups.temporary),
        Effect.catchIf(isIndexMissing, () =>
          attention(`there is no index at ${options.indexPath}; cis490-receiver backfill makes one from the store`)
        )
      )
      const mend = Effect.flatMap(look, (report) =>
        Effect.map(setAside(report.findings), (moved) => ({ report, moved }))
      )
      // Alone from before the first look: nothing may be stored between finding and moving.
      const { moved, report } = flags.setAside
        ? yield* writing(options, mend).pipe(orHeld)
        : { report: yield* look, moved: [] }
      const byPath = new Map(moved.map(({ movedTo, path }) => [path, movedTo]))
      yield* flags.json ? printJson({ ...report, set_aside: moved }) : Console.log(formatVerify(report, byPath))
      if (report.findings.length > 0) return yield* new Attention()
    })
  )
).pipe(
  Command.withDescription("Read the whole store and hold it against the index; changes nothing without --set-aside"),
  Command.withExamples([
    { command: "cis490-receiver verify", description: "Also beside a running receiver" },
    { command: "cis490-receiver verify --set-aside", description: "Take damaged files out, with the receiver stopped" }
  ])
)
