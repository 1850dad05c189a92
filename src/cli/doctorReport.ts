/** `doctor` of whichever program, once it is known what is to be looked at. Loaded when it is asked for. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stdio from "effect/Stdio"
import { asJson, gather, type Part, writeBundle } from "../doctor/bundle.ts"
import { type Check, CONFIG_MILLIS, examine, within } from "../doctor/check.ts"
import { judgeUnusable, judgeUsable } from "../doctor/config.ts"
import { formatRows } from "../doctor/format.ts"
import { Ourselves } from "../doctor/ourselves.ts"
import { type Finding, isWell, type Row, yellow } from "../doctor/row.ts"
import { secretsOf } from "../doctor/secrets.ts"
import { word } from "../doctor/shell.ts"
import type { AnySettings } from "../domain/decodeSettings.ts"
import { Environment } from "../services/Environment.ts"
import { loadConfig } from "./config.ts"
import { Attention, attention } from "./exit.ts"
import { printJson } from "./json.ts"

/** The configuration as far as it can be had, and the row about it. */
export const lookAtConfig = Effect.fnUntraced(function* <S extends AnySettings>(schema: S) {
  const { asRoot, configFile } = yield* Ourselves
  const { answer, lettingGo } = yield* within(CONFIG_MILLIS, Effect.result(loadConfig(schema, configFile)))
  const finding: Finding =
    answer === undefined
      ? yellow(`did not answer within ${CONFIG_MILLIS / 1000} s`, `ls -ld ${word(configFile)}`)
      : Result.isSuccess(answer)
        ? judgeUsable(answer.success.warning)
        : judgeUnusable(answer.failure, asRoot("doctor"))
  const row: Row = { check: "config", target: configFile, ...finding }
  const settings = answer !== undefined && Result.isSuccess(answer) ? answer.success.settings : undefined
  return { row, settings, lettingGo }
})

export interface Flags {
  readonly json: boolean
  readonly bundle: Option.Option<string>
}

/** See https://no-color.org. */
const wantsColour = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  const { variables } = yield* Environment
  return (yield* stdio.stdoutIsTerminal) && (variables["NO_COLOR"] ?? "") === ""
})

const nothing = { members: [], lettingGo: Effect.void }

interface Plan<R, R2> {
  readonly config: { readonly row: Row; readonly settings: unknown; readonly lettingGo: Effect.Effect<void> }
  readonly checks: ReadonlyArray<Check<R>>
  readonly parts: ReadonlyArray<Part<R2>>
}

/** Looks, prints, writes the bundle where one is asked for; ends with 1 unless all is green and written. */
export const report = Effect.fnUntraced(function* <R, R2>(flags: Flags, { checks, config, parts }: Plan<R, R2>) {
  const [examined, gathered] = yield* Effect.all(
    [examine(checks), Option.isSome(flags.bundle) ? gather(parts) : Effect.succeed(nothing)],
    { concurrency: 2 }
  )
  const rows = [config.row, ...examined.rows]
  yield* flags.json ? printJson(rows) : Console.log(formatRows(rows, yield* wantsColour))

  const bundle = yield* Option.match(flags.bundle, {
    onNone: () => Effect.succeed({ failed: undefined, lettingGo: Effect.void }),
    onSome: Effect.fnUntraced(function* (file: string) {
      const own = [
        { name: "doctor.json", content: asJson(rows) },
        { name: "config.json", content: asJson(config.settings ?? config.row.found) }
      ]
      return yield* writeBundle(file, [...own, ...gathered.members], yield* secretsOf(config.settings))
    })
  })
  const lettingGo = [config, examined, gathered, bundle].map((each) => each.lettingGo)
  yield* Effect.all(lettingGo, { concurrency: "unbounded", discard: true })
  if (bundle.failed !== undefined) return yield* attention(bundle.failed)
  if (Option.isSome(flags.bundle))
    yield* Console.error(`${flags.bundle.value}: to be sent to a maintainer; it holds no secrets`)
  if (!isWell(rows)) return yield* new Attention()
})
