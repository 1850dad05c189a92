/** What an episode's directory holds, without reading a file: the ground on which it is packed and later compared. */
import * as Effect from "effect/Effect"
import { systemError } from "effect/PlatformError"
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

/** Bytes in its files. */
export const sizeOf = ({ entries }: Inventory): number =>
  entries.reduce((sum, { size, type }) => (type === "File" ? sum + size : sum), 0)

/** This episode can never be packed: a link, a device, a name that the archive grammar refuses, a manifest that does not hold. */
export class Unpackable extends Schema.TaggedError<Unpackable>()("Unpackable", { why: Schema.String }) {}

/** The episode's directory is not there (any more): an operator or a settled answer took it. */
export class Gone extends Schema.TaggedError<Gone>()("Gone", {}) {}

const describe = (entry: InventoryEntry): string =>
  entry.type === "File"
    ? `${entry.size} ${entry.mode.toString(8)} ${entry.mtimeNs} ${entry.path}\0`
    : `${entry.type} ${entry.mtimeNs} ${entry.path}\0`

/** Why this may never be packed, in words. */
const faultOf = ({ path, type }: InventoryEntry, id: string): string | undefined => {
  if (type !== "File" && type !== "Directory") return `${path} is neither a file nor a directory (${type})`
  const fault = checkPath(`${id}/${path}`)
  return fault === undefined ? undefined : `${JSON.stringify(path)}: ${fault}`
}

const gone = (path: string) =>
  systemError({
    _tag: "NotFound",
    module: "Volume",
    method: "findAll",
    description: "it vanished while the episode was looked at",
    pathOrDescriptor: path
  })

/** What lies in one directory of an episode. */
const listDirectory = Effect.fnUntraced(function* (directory: string, below: string, id: string) {
  const volume = yield* Volume
  const all = yield* volume.findAll(below === "" ? directory : `${directory}/${below}`)
  if (new Set(all.map(({ name }) => name)).size !== all.length) {
    return yield* new Unpackable({ why: `two names in ${JSON.stringify(below || ".")} are the same and not UTF-8` })
  }
  const entries: Array<InventoryEntry> = []
  for (const { inspection, name } of all) {
    if (below === "" && name === REASON_FILE) continue
    const path = below === "" ? name : `${below}/${name}`
    // A name that is not UTF-8 reads as one with U+FFFD in it, and nothing is found under that.
    if (inspection === undefined && path.includes("\uFFFD")) {
      return yield* new Unpackable({ why: `the name ${JSON.stringify(path)} is not UTF-8` })
    }
    if (inspection === undefined) return yield* gone(`${directory}/${path}`)
    const entry = { path, ...inspection }
    const why = faultOf(entry, id)
    if (why !== undefined) return yield* new Unpackable({ why })
    entries.push(entry)
  }
  return entries
})

/**
 * Lists the whole episode. Fails with `Unpackable` for what may never be packed, with `Gone` when there is no such directory; a
 * `PlatformError` is the host's trouble and passes.
 */
export const takeInventory = Effect.fnUntraced(function* (directory: string, id: string) {
  const volume = yield* Volume
  const codec = yield* Codec
  const top = yield* volume.find(directory)
  if (top?.type !== "Directory") return yield* new Gone()
  const entries: Array<InventoryEntry> = [{ path: "", ...top }]
  for (let next = 0; next < entries.length; next++) {
    const parent = entries[next]
    if (parent?.type !== "Directory") continue
    for (const entry of yield* listDirectory(directory, parent.path, id)) entries.push(entry)
  }
  entries.sort((a, b) => compareBytes(a.path, b.path))
  const hasher = codec.sha256()
  for (const entry of entries) hasher.update(describe(entry))
  return { entries, madeFrom: hasher.digest() } satisfies Inventory
})
