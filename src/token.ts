import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { isToken } from "./domain/settingValue.ts"

/** A token that cannot be had: says which file and why, never what is in it. */
export class TokenError extends Schema.TaggedError<TokenError>()("TokenError", {
  file: Schema.String,
  why: Schema.String
}) {
  override get message(): string {
    return `token file ${this.file} ${this.why}`
  }
}

const unreadable: Partial<Record<PlatformError["reason"]["_tag"], string>> = {
  NotFound: "is missing",
  PermissionDenied: "may not be read by this user",
  BadResource: "is not a file"
}

/** Reads a token from its file, now; newlines at the end are not part of it. */
export const readToken = Effect.fnUntraced(function* (
  file: string
): Effect.fn.Return<Redacted.Redacted, TokenError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const content = yield* Effect.mapError(
    fs.readFileString(file),
    ({ reason }) => new TokenError({ file, why: unreadable[reason._tag] ?? "cannot be read" })
  )
  // Looks back, so that a run of newlines is tried once and not from each of them.
  const token = content.replace(/(?<![\r\n])[\r\n]+$/, "")
  if (token === "") return yield* new TokenError({ file, why: "is empty" })
  if (!isToken(token)) return yield* new TokenError({ file, why: "holds more than printable ASCII characters" })
  return Redacted.make(token, { label: "token" })
})
