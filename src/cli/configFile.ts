/** A configuration file as a TOML table, or why it is none. */
import * as Effect from "effect/Effect"
import * as Toml from "effect/encoding/Toml"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type { SettingProblem } from "../domain/decodeSettings.ts"
import type { TomlTable } from "../domain/toml.ts"
import { ConfigError } from "./configError.ts"

/** Far more than any configuration, far less than what hurts. */
const MAX_BYTES = 1_048_576

const OTHER_FILE = "a TOML file; --config FILE names another one"

const unreadable: Partial<Record<PlatformError["reason"]["_tag"], SettingProblem>> = {
  NotFound: { found: "no such file", wants: OTHER_FILE },
  PermissionDenied: { found: "a file this user may not read", wants: "read permission for the user that runs this" }
}

const whyUnreadable = ({ message, reason }: PlatformError): SettingProblem => {
  const why = reason.cause instanceof Error ? reason.cause.message : message
  return unreadable[reason._tag] ?? { found: `something that cannot be read (${why})`, wants: OTHER_FILE }
}

const utf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** The number of the first line that is not UTF-8; no character of several bytes has a newline in it. */
const brokenLine = (bytes: Uint8Array): number => {
  let number = 1
  for (let start = 0; start < bytes.length; number++) {
    const newline = bytes.indexOf(10, start)
    const end = newline === -1 ? bytes.length : newline + 1
    if (utf8(bytes.subarray(start, end)) === undefined) break
    start = end
  }
  return number
}

/** The parser repeats what it could not read, and that may be a secret without its quotes. */
const withoutToken = (message: string): string =>
  message.replace(/^(Invalid value|Invalid date-time|Integer out of range) '.*'(?= at line \d+, column \d+$)/s, "$1")

const syntax = (message: string): SettingProblem =>
  / at line \d+, column \d+$/.test(message)
    ? { found: `a mistake in the TOML: ${withoutToken(message)}`, wants: "valid TOML; strings stand in quotes" }
    : { found: "TOML that is nested too deeply", wants: "keys and tables of our own" }

export const readConfigFile = Effect.fnUntraced(function* (
  file: string
): Effect.fn.Return<TomlTable, ConfigError, FileSystem.FileSystem> {
  const unusable = (problem: SettingProblem) => new ConfigError({ file, problems: [problem] })
  const fs = yield* FileSystem.FileSystem
  const info = yield* Effect.mapError(fs.stat(file), (error) => unusable(whyUnreadable(error)))
  if (info.type === "Directory") return yield* unusable({ found: "a directory", wants: OTHER_FILE })
  if (info.size > MAX_BYTES)
    return yield* unusable({ found: `${info.size} bytes`, wants: `at most ${MAX_BYTES} bytes` })
  const bytes = yield* Effect.mapError(fs.readFile(file), (error) => unusable(whyUnreadable(error)))
  const text = utf8(bytes)
  if (text === undefined) {
    return yield* unusable({ found: `bytes that are not UTF-8 in line ${brokenLine(bytes)}`, wants: "UTF-8" })
  }
  return yield* Effect.mapError(Effect.fromResult(Toml.parse(text)), (error) => unusable(syntax(error.message)))
})
