/** What an episode's directory holds, without reading a file: the ground on which it is packed and later compared. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import { compareBytes } from "../domain/manifest.ts"
import type { Sha256 } from "../domain/names.ts"
import { checkPath } from "../domain/tar.ts"
import { Codec } from "../services/Codec.ts"
import { type Inspection, Volume } from "../services/Volume.ts"
import { REASON_FILE } from "./layout.ts"

export interface InventoryEntry extends Inspection {
  /** Below the top directory; `""` is the top itself. */
  readonly path: string
}

export interface Inventory {
  /** Sorted by path: the top first, every directory before what is in it. */
  readonly entries: ReadonlyArray<InventoryEntry>
  /** SHA-256 over path, type, size and mtime of every entry: changes when anything does. */
  readonly madeFrom: Sha256
}

/** This episode can never be packed: a link, a device, a name that the archive grammar refuses, a manifest that does not hold. */
export class Unpackable extends Schema.TaggedError<Unpackable>()("Unpackable", { why: Schema.String }) {}

/** The episode's directory is not there (any more): an operator or a settled answer took it. */
export class Gone extends Schema.TaggedError<Gone>()("Gone", {}) {}

const describe = (entry: InventoryEntry): string =>
  entry.type === "File"
    ? `${entry.size} ${entry.mode.toString(8)} ${entry.mtimeNs} ${entry.path}\0`
    : `${entry.type} ${entry.mtimeNs} ${entry.path}\0`

const inspectTop = Effect.fnUntraced(function* (directory: string) {
  const volume = yield* Volume
  const top = yield* volume.inspect(directory).pipe(
    Effect.catchIf(
      (error) => error.reason._tag === "NotFound",
      () => Effect.fail(new Gone())
    )
  )
  if (top.type !== "Directory") return yield* new Gone()
  return top
})

/** A name that is not UTF-8 reads as one with U+FFFD in it, and nothing is found under that. */
const inspectChild = Effect.fnUntraced(function* (full: string, path: string) {
  const volume = yield* Volume
  const notUtf8 = new Unpackable({ why: `the name ${JSON.stringify(path)} is not UTF-8` })
  return yield* volume.inspect(full).pipe(
    Effect.catchIf(
      (error) => error.reason._tag === "NotFound" && path.includes("\uFFFD"),
      () => Effect.fail(notUtf8)
    )
  )
})

/**
 * Lists the whole episode. Fails with `Unpackable` for what may never be packed, with `Gone` when there is no such directory; a
 * `PlatformError` is the host's trouble and passes.
 */
export const takeInventory = Effect.fnUntraced(function* (directory: string, id: string) {
  const fs = yield* FileSystem.FileSystem
  const codec = yield* Codec
  const entries: Array<InventoryEntry> = [{ path: "", ...(yield* inspectTop(directory)) }]
  for (let next = 0; next < entries.length; next++) {
    const parent = entries[next]
    if (parent?.type !== "Directory") continue
    const names = yield* fs.readDirectory(parent.path === "" ? directory : `${directory}/${parent.path}`)
    if (new Set(names).size !== names.length) {
      return yield* new Unpackable({
        why: `two names in ${JSON.stringify(parent.path || ".")} are the same and not UTF-8`
      })
    }
    for (const name of names) {
      if (parent.path === "" && name === REASON_FILE) continue
      const path = parent.path === "" ? name : `${parent.path}/${name}`
      const entry = { path, ...(yield* inspectChild(`${directory}/${path}`, path)) }
      if (entry.type !== "File" && entry.type !== "Directory") {
        return yield* new Unpackable({ why: `${path} is neither a file nor a directory (${entry.type})` })
      }
      const fault = checkPath(`${id}/${path}`)
      if (fault !== undefined) return yield* new Unpackable({ why: `${JSON.stringify(path)}: ${fault}` })
      entries.push(entry)
    }
  }
  entries.sort((a, b) => compareBytes(a.path, b.path))
  const hasher = codec.sha256()
  for (const entry of entries) hasher.update(describe(entry))
  return { entries, madeFrom: hasher.digest() } satisfies Inventory
})
