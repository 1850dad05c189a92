import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { parseJson } from "../domain/json.ts"
import { orMissing, typeAt } from "../presence.ts"
import type { Volume } from "../services/Volume.ts"

/** What a small JSON file says, as far as it can be made out. */
export type Reading<A> =
  | { readonly _tag: "Read"; readonly value: A }
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Broken"; readonly why: string }

/** Reads a regular file, through no link. Fails when it is there and cannot be read. */
export const readJson = <A, I>(path: string, schema: Schema.Codec<A, I>) =>
  Effect.gen(function* (): Effect.fn.Return<Reading<A>, PlatformError, FileSystem.FileSystem | Volume> {
    const type = yield* typeAt(path)
    if (type === undefined) return { _tag: "Missing" }
    if (type !== "File") return { _tag: "Broken", why: "it is not a regular file" }
    const fs = yield* FileSystem.FileSystem
    const text = yield* orMissing(fs.readFileString(path))
    if (text === undefined) return { _tag: "Missing" }
    // Not by `Schema.fromJsonString`: one that is made for every file is compiled for every file.
    return Result.match(Schema.decodeUnknownResult(schema)(parseJson(text)), {
      onFailure: (): Reading<A> => ({ _tag: "Broken", why: "it is not what was written there" }),
      onSuccess: (value): Reading<A> => ({ _tag: "Read", value })
    })
  })
