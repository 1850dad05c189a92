/** What lies on disk, read with nothing of the two programs. */
import { createHash } from "node:crypto"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { basename, join } from "node:path"
import { manifestDigest, unpack } from "../support/unpack.ts"

export interface IndexRow {
  readonly host_id: string
  readonly episode_id: string
  readonly sha256: string
  readonly bytes: number
  readonly content_sha256: string
  readonly received_at: string
  readonly commit?: string
}

export const namesIn = (directory: string): ReadonlyArray<string> => readdirSync(directory).toSorted()

export const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"))

export const readIndex = (path: string): ReadonlyArray<IndexRow> =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))

export const sha256Of = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex")

/** Of the files in an episode's directory. */
export const contentDigest = (directory: string): string =>
  manifestDigest(Object.fromEntries(namesIn(directory).map((name) => [name, readFileSync(join(directory, name))])))

/** The members of a tarball, and the digest of the files among them. */
export const openTarball = async (path: string) => {
  const members = await unpack(readFileSync(path))
  const files = members.filter(({ header }) => header.type === "file")
  const pathBelowTop = (name: string) => name.slice(name.indexOf("/") + 1)
  return {
    members: members.map(({ header }) => ({ name: header.name, size: header.size ?? 0 })),
    contentSha256: manifestDigest(
      Object.fromEntries(files.map(({ content, header }) => [pathBelowTop(header.name), content]))
    )
  }
}

/** A directory and what is in it, one name per line, files with their sizes; `left` names what is left out. */
export const tree = (directory: string, leftOut: ReadonlyArray<string> = [], indent = ""): ReadonlyArray<string> => [
  `${indent}${basename(directory)}/`,
  ...namesIn(directory)
    .filter((name) => !leftOut.includes(name))
    .flatMap((name) => {
      const path = join(directory, name)
      const info = statSync(path)
      if (info.isDirectory()) return tree(path, leftOut, `${indent}  `)
      return [`${`${indent}  ${name}`.padEnd(46)}${String(info.size).padStart(8)} B`]
    })
]
