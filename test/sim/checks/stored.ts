/** Nothing in the store or the index is ever replaced, rewritten or lost, once it is durable there. */
import type { Check, Scene } from "./check.ts"
import { INCOMING, INDEX, STORE, TARBALL } from "./places.ts"
import { Violation } from "./violation.ts"

export interface StoredFile {
  readonly path: string
  readonly host: string
  readonly id: string
}

export const storedFiles = (list: (path: string) => ReadonlyArray<string> | undefined): ReadonlyArray<StoredFile> =>
  (list(STORE) ?? []).flatMap((host) =>
    (list(`${STORE}/${host}`) ?? [])
      .filter((name) => name.endsWith(TARBALL))
      .map((name) => ({ path: `${STORE}/${host}/${name}`, host, id: name.slice(0, -TARBALL.length) }))
  )

const decoder = new TextDecoder()

const isRow = (line: string): boolean => {
  try {
    const row: unknown = JSON.parse(line)
    return typeof row === "object" && row !== null && "host_id" in row && "episode_id" in row
  } catch {
    return false
  }
}

/** Up to the end of the last line that is a row. */
const pinnable = (bytes: Uint8Array): number => {
  let end = bytes.lastIndexOf(10) + 1
  while (end > 0) {
    const start = bytes.lastIndexOf(10, end - 2) + 1
    if (isRow(decoder.decode(bytes.subarray(start, end - 1)))) return end
    end = start
  }
  return 0
}

export interface Stored extends Check {
  /** Somebody else takes it away: from now on it may come back. */
  readonly taken: (path: string) => void
}

export const stored = (scene: Scene): Stored => {
  const { central } = scene
  const known = new Map<string, string>()
  let pinned: Uint8Array = new Uint8Array()
  let indexVersion: string | undefined

  const verifyStore = (): void => {
    const view = central.disk.durable()
    const reader = scene.readers(central).durable
    const found = new Set<string>()
    for (const { path } of storedFiles((directory) => view.list(directory))) {
      found.add(path)
      // The same content in another file is another file all the same.
      const content = `${reader.ofTarball(view, path) ?? "gone"} (inode ${view.inode(path)?.id})`
      const before = known.get(path)
      if (before === undefined) {
        // A power cut may show a name whose bytes never came.
        if (!content.startsWith("broken")) known.set(path, content)
      } else if (before !== content) {
        throw new Violation("nothing stored is ever replaced", `${path} was ${before}, is ${content}`)
      }
    }
    for (const path of known.keys()) {
      if (!found.has(path)) throw new Violation("nothing stored is ever replaced", `${path} is gone`)
    }
  }
  const verifyIndex = (): void => {
    const view = central.disk.durable()
    const inode = view.inode(INDEX)
    const version = inode === undefined ? undefined : `${inode.id}.${inode.version}`
    if (version === indexVersion) return
    indexVersion = version
    const bytes = view.read(INDEX) ?? new Uint8Array()
    if (Buffer.compare(bytes.subarray(0, pinned.length), pinned) !== 0) {
      throw new Violation("the index is appended only", `what was durable in it is not there any more`)
    }
    pinned = bytes.slice(0, pinnable(bytes))
  }
  return {
    taken: (path) => void known.delete(path),
    performed: (process, { mutates, target }) => {
      if (!mutates || process.machine !== central) return
      if (target.includes(INDEX)) verifyIndex()
      if (target.includes(STORE) || target.includes(INCOMING)) verifyStore()
    },
    disturbed: (machine) => {
      if (machine !== central) return
      verifyIndex()
      verifyStore()
    }
  }
}
