import { compareBytes, formatManifestLine } from "../domain/manifest.ts"
import type { EpisodeId, Sha256 } from "../domain/names.ts"
import { checkPath, quotePath } from "../domain/tar.ts"
import type { TarHeader } from "../domain/tarReader.ts"
import type { Hasher } from "../services/Codec.ts"

/** The members of one archive by their paths below its top directory, which itself is `""`. */
export interface Members {
  /** Why this member may not be here, in words. */
  readonly admit: (header: TarHeader) => string | undefined
  /** The path of an admitted member. */
  readonly below: (header: TarHeader) => string
  /** A regular file has been read. */
  readonly addFile: (path: string, sha256: Sha256) => void
  readonly files: ReadonlyMap<string, Sha256>
  readonly count: () => number
  /** A file that is also the parent of another member. */
  readonly findFileAndParent: () => string | undefined
  readonly contentSha256: (hasher: Hasher) => Sha256
}

export const makeMembers = (episodeId: EpisodeId, maxMembers: number): Members => {
  const files = new Map<string, Sha256>()
  const directories = new Set<string>()
  const top = `${episodeId}/`
  let count = 0

  const below = ({ path }: TarHeader): string => path.slice(top.length)

  const checkPlace = ({ path, type }: TarHeader): string | undefined => {
    if (path === episodeId) return type === "directory" ? undefined : "the top directory is a file"
    if (!path.startsWith(top)) return `${quotePath(path)} is not below the top directory ${quotePath(top)}`
    const reason = `${top}quarantine_reason.json`
    if (path === reason || path.startsWith(`${reason}/`))
      return "quarantine_reason.json is the host's own and never packed"
    return undefined
  }

  const admit = (header: TarHeader): string | undefined => {
    count++
    if (count > maxMembers) return `more than ${maxMembers} members`
    const wrong = checkPath(header.path) ?? checkPlace(header)
    if (wrong !== undefined) return wrong
    const path = below(header)
    if (files.has(path) || directories.has(path)) return `${quotePath(header.path)} stands twice`
    if (header.type !== "directory") return undefined
    if (header.size !== 0) return `the directory ${quotePath(header.path)} has a size`
    directories.add(path)
    return undefined
  }

  /** In order, whatever begins with a path comes behind it without a gap: `open` are the files that the path begins with. */
  const findFileAndParent = (): string | undefined => {
    const open: Array<string> = []
    for (const path of [...files.keys(), ...directories].toSorted()) {
      while (!path.startsWith(open.at(-1) ?? "")) open.pop()
      const parent = open.find((file) => path[file.length] === "/")
      if (parent !== undefined) return parent
      if (files.has(path)) open.push(path)
    }
    return undefined
  }

  /** The SHA-256 of the manifest, fed line by line: the whole text would be the largest thing in memory. */
  const contentSha256 = (hasher: Hasher): Sha256 => {
    // The built-in order is native and almost the bytes' order: what remains for `compareBytes` is little.
    const paths = [...files.keys()].toSorted()
    for (const path of paths.toSorted(compareBytes)) {
      hasher.update(formatManifestLine({ path, sha256: files.get(path) ?? "" }))
    }
    return hasher.digest()
  }

  return {
    admit,
    below,
    addFile: (path: string, sha256: Sha256): void => void files.set(path, sha256),
    files,
    count: () => count,
    findFileAndParent,
    contentSha256
  }
}
