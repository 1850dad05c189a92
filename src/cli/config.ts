import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import { type AnySettings, decodeSettings } from "../domain/decodeSettings.ts"
import { nearest } from "../domain/nearest.ts"
import { ReceiverSettings } from "../domain/receiverSettings.ts"
import { settingRows } from "../domain/settingRow.ts"
import { ShipperSettings } from "../domain/shipperSettings.ts"
import { isTableOrTables, type TomlTable } from "../domain/toml.ts"
import { Environment } from "../services/Environment.ts"
import { overridden, withEnvironment } from "./configEnvironment.ts"
import { ConfigError } from "./configError.ts"
import { readConfigFile } from "./configFile.ts"

/** A configuration that can be used. */
export interface Loaded<A> {
  readonly settings: A
  /** The tables of other programs, in one sentence; absent when there are none. */
  readonly warning?: string
}

const hint = (name: string, ours: ReadonlyArray<string>): string => {
  const close = nearest(name, ours)
  return close === undefined ? `[${name}]` : `[${name}] (did you mean [${close}]?)`
}

const warn = (
  file: string,
  names: ReadonlyArray<string>,
  ours: ReadonlyArray<string>
): { readonly warning?: string } =>
  names.length === 0
    ? {}
    : { warning: `${file}: tables of other programs, not read: ${names.map((name) => hint(name, ours)).join(", ")}` }

const without = (table: TomlTable, names: ReadonlyArray<string>): TomlTable =>
  Object.fromEntries(Object.entries(table).filter(([name]) => !names.includes(name)))

/** Reads `file`, lets the environment override it, and decodes it; all that is wrong is said at once. */
export const loadConfig = Effect.fnUntraced(function* <S extends AnySettings>(
  schema: S,
  file: string
): Effect.fn.Return<Loaded<S["Type"]>, ConfigError, FileSystem.FileSystem | Environment> {
  const { variables } = yield* Environment
  const written = yield* readConfigFile(file)
  const ours = Object.keys(schema.fields)
  const theirs = Object.keys(written).filter((name) => !ours.includes(name) && isTableOrTables(written[name]))
  const rows = settingRows(schema)
  const decoded = decodeSettings(schema, withEnvironment(rows, variables, without(written, theirs)))
  const warning = warn(file, theirs, ours)
  if (Result.isSuccess(decoded)) return { settings: decoded.success, ...warning }
  const sources = overridden(rows, variables)
  const problems = decoded.failure.map((problem) => {
    const variable = sources.get(problem.key ?? "")
    return variable === undefined ? problem : { ...problem, variable }
  })
  return yield* new ConfigError({ file, problems, ...warning })
})

/** Loads a configuration and logs the one warning it may be worth. */
export const loadWith = <S extends AnySettings>(schema: S) =>
  Effect.fnUntraced(function* (
    file: string
  ): Effect.fn.Return<S["Type"], ConfigError, FileSystem.FileSystem | Environment> {
    const { settings, warning } = yield* loadConfig(schema, file)
    if (warning !== undefined) yield* Effect.logWarning(warning)
    return settings
  })

/** Reads `lab-host.toml` and logs the one warning it may be worth. */
export const loadShipper = loadWith(ShipperSettings)

/** Reads `receiver.toml` and logs the one warning it may be worth. */
export const loadReceiver = loadWith(ReceiverSettings)
