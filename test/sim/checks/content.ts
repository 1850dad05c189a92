/** The identity of content: the SHA-256 of what `sha256sum` prints for its files, whether they lie on a disk or in a tarball. */
import { createHash } from "node:crypto"
import type { View } from "../disk/view.ts"
import { REASON_FILE } from "./places.ts"
import { readTarball } from "./tarball.ts"

const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex")

interface Line {
  readonly path: string
  readonly sha256: string
}

const compare = (a: Line, b: Line): number => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))

/** A link counts by its name: such content is never sent. */
const identityOf = (lines: ReadonlyArray<Line>): string =>
  sha256(
    lines
      .toSorted(compare)
      .map((line) => `${line.sha256}  ${line.path}\n`)
      .join("")
  )

export const contentOfFiles = (
  files: ReadonlyArray<{ readonly path: string; readonly bytes: Uint8Array }>,
  links: ReadonlyArray<string> = []
): string =>
  identityOf([
    ...files.filter(({ path }) => path !== REASON_FILE).map(({ path, bytes }) => ({ path, sha256: sha256(bytes) })),
    ...links.map((path) => ({ path, sha256: "link" }))
  ])

/** Remembers what was computed, by inode: one for each disk and kind of view. */
export interface ContentReader {
  /** Of an episode's directory, the reason file left out; `undefined` when there is none. */
  readonly ofDirectory: (view: View, path: string) => string | undefined
  /** Of a tarball, everything in it; `undefined` when there is none, `"broken"` when it is none. */
  readonly ofTarball: (view: View, path: string) => string | undefined
}

interface Known<A> {
  readonly version: number
  readonly value: A
}

export const makeContentReader = (): ContentReader => {
  const files = new Map<number, Known<string>>()
  const tarballs = new Map<number, Known<string>>()
  const directories = new Map<number, { readonly print: string; readonly value: string }>()

  const once = (
    cache: Map<number, Known<string>>,
    view: View,
    path: string,
    compute: (bytes: Uint8Array) => string
  ): string | undefined => {
    const inode = view.inode(path)
    if (inode === undefined) return undefined
    const known = cache.get(inode.id)
    if (known?.version === inode.version) return known.value
    const bytes = view.read(path)
    if (bytes === undefined) return undefined
    const value = compute(bytes)
    cache.set(inode.id, { version: inode.version, value })
    return value
  }

  const walk = (view: View, root: string, below: string, lines: Array<Line>): void => {
    for (const name of view.list(`${root}${below}`) ?? []) {
      const path = below === "" ? name : `${below.slice(1)}/${name}`
      if (path === REASON_FILE) continue
      const full = `${root}/${path}`
      const type = view.stat(full)?.type
      if (type === "Directory") walk(view, root, `/${path}`, lines)
      else lines.push({ path, sha256: type === "File" ? (once(files, view, full, sha256) ?? "gone") : "link" })
    }
  }

  return {
    ofDirectory: (view, path) => {
      const top = view.inode(path)
      const print = view.print(path)
      if (top === undefined || print === undefined || view.stat(path)?.type !== "Directory") return undefined
      const known = directories.get(top.id)
      if (known?.print === print) return known.value
      const lines: Array<Line> = []
      walk(view, path, "", lines)
      const value = identityOf(lines)
      directories.set(top.id, { print, value })
      return value
    },
    ofTarball: (view, path) =>
      once(tarballs, view, path, (bytes) => {
        try {
          return identityOf(
            readTarball(bytes)
              .filter(({ type }) => type === "file")
              .map((member) => ({ path: member.path, sha256: sha256(member.bytes) }))
          )
        } catch {
          return "broken"
        }
      })
  }
}
