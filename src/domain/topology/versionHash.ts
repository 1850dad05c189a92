import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type { Sha256 } from "../names.ts"
import { canonicalJson } from "./canonicalJson.ts"

/** What is noted about a topology and is no part of what runs. */
const NOTED: ReadonlySet<string> = new Set([
  "created_at",
  "status_changed_at",
  "updated_at",
  "last_seen",
  "status",
  "version",
  "last_error",
  "x",
  "y",
  "w",
  "h"
])

/** Whose members are the decky's own business, whatever they are called. */
const ENVIRONMENT = "env"

const withoutNotes = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutNotes)
  if (!Predicate.isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !NOTED.has(name))
      .map(([name, member]) => [name, name === ENVIRONMENT ? member : withoutNotes(member)])
  )
}

/**
 * The identity of a topology's content: SHA-256 of its canonical JSON (RFC 8785) without what is only noted about it. `digest` takes
 * the text as UTF-8. In words, why a document has none.
 */
export const versionHash = (hydrated: unknown, digest: (text: string) => Sha256): Result.Result<Sha256, string> =>
  Result.map(canonicalJson(withoutNotes(hydrated)), digest)
