import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { checkMarker } from "../domain/manifest.ts"
import { Commit, type EpisodeId, type Sha256 } from "../domain/names.ts"
import { MAX_MARKER_BYTES, MAX_META_BYTES } from "../domain/tar.ts"
import { decodeUtf8, type TarHeader } from "../domain/tarReader.ts"
import type { Hasher } from "../services/Codec.ts"
import { makeMembers } from "./members.ts"
import { makeTarStream } from "./tarStream.ts"

export interface ArchiveReport {
  readonly contentSha256: Sha256
  /** Of `meta.json`, when that is a JSON object with a well-formed `code_version.commit`. */
  readonly metaCommit: Commit | undefined
  /** Directories included. */
  readonly members: number
  /** Bytes of the tar. */
  readonly unpackedBytes: number
}

export interface Refusal {
  readonly problem: "invalid-archive" | "too-large"
  /** In words. */
  readonly error: string
  /** The limit that `too-large` speaks of. */
  readonly limitBytes?: number
}

export interface ArchiveLimits {
  readonly episodeId: EpisodeId
  readonly maxMembers: number
  /** Of the tar, headers and padding included. */
  readonly maxUnpackedBytes: number
}

export interface ArchiveCheck {
  /** Takes bytes of the tar; false as soon as the archive is refused, and from then on. */
  readonly push: (bytes: Uint8Array) => boolean
  readonly refusal: () => Refusal | undefined
  readonly end: () => ArchiveReport | Refusal
}

/** The files whose content is read, with what they may hold in bytes. */
const kept: Readonly<Record<string, number>> = { "meta.json": MAX_META_BYTES, "done.marker": MAX_MARKER_BYTES }

const Meta = Schema.fromJsonString(Schema.Struct({ code_version: Schema.Struct({ commit: Commit }) }))
const decodeMeta = Schema.decodeUnknownOption(Meta)

const commitOf = (meta: Uint8Array): Commit | undefined =>
  Option.getOrUndefined(Option.map(decodeMeta(decodeUtf8(meta)), (value) => value.code_version.commit))

export const invalid = (words: string): Refusal => ({ problem: "invalid-archive", error: `invalid archive: ${words}` })

const tooLarge = (limitBytes: number): Refusal => ({
  problem: "too-large",
  error: `the archive unpacks to more than ${limitBytes} bytes`,
  limitBytes
})

/** Reads the files of a tar: hashes every one, keeps what is in `kept`. */
const makeFileReader = (sha256: () => Hasher, addFile: (path: string, sha256: Sha256) => void) => {
  const contents = new Map<string, Uint8Array>()
  const ofNothing = sha256().digest()
  let path = ""
  let hasher: Hasher | undefined
  let content: Uint8Array | undefined
  let at = 0

  const begin = (file: string, size: number): string | undefined => {
    path = file
    at = 0
    hasher = size === 0 ? undefined : sha256()
    content = undefined
    if (!Object.hasOwn(kept, file)) return undefined
    const limit = kept[file] ?? 0
    if (size > limit) return `${file} is larger than ${limit} bytes`
    content = new Uint8Array(size)
    contents.set(file, content)
    return undefined
  }
  const data = (bytes: Uint8Array): void => {
    hasher?.update(bytes)
    content?.set(bytes, at)
    at += bytes.length
  }
  const finish = (): void => addFile(path, hasher?.digest() ?? ofNothing)

  return { contents, begin, data, finish }
}

/** Checks the tar of an episode against the archive grammar while it streams by, and computes what it holds. */
export const makeArchiveCheck = (limits: ArchiveLimits, sha256: () => Hasher): ArchiveCheck => {
  const members = makeMembers(limits.episodeId, limits.maxMembers)
  const files = makeFileReader(sha256, members.addFile)
  let isFile = false
  let unpackedBytes = 0
  let claimedBytes = 0
  let refusal: Refusal | undefined

  const begin = (header: TarHeader): string | undefined => {
    const wrong = members.admit(header)
    if (wrong !== undefined) return wrong
    claimedBytes += header.size
    isFile = header.type === "file"
    return isFile ? files.begin(members.below(header), header.size) : undefined
  }
  const tar = makeTarStream({
    begin,
    data: files.data,
    finish: () => {
      if (isFile) files.finish()
    }
  })

  const isTooLarge = (): boolean => Math.max(unpackedBytes, claimedBytes) > limits.maxUnpackedBytes

  const push = (bytes: Uint8Array): boolean => {
    if (refusal !== undefined) return false
    unpackedBytes += bytes.length
    const wrong = isTooLarge() ? undefined : tar.push(bytes)
    if (wrong !== undefined) refusal = invalid(wrong)
    else if (isTooLarge()) refusal = tooLarge(limits.maxUnpackedBytes)
    return refusal === undefined
  }

  const checkWhole = (meta: Uint8Array | undefined, marker: Uint8Array | undefined): string | undefined => {
    if (meta === undefined) return "meta.json is missing"
    if (marker === undefined) return "done.marker is missing"
    const clash = members.findFileAndParent()
    if (clash !== undefined) return `${clash} is both a file and a directory`
    const text = decodeUtf8(marker)
    return text === undefined ? "done.marker is not UTF-8" : checkMarker(text, members.files)
  }

  const end = (): ArchiveReport | Refusal => {
    if (refusal !== undefined) return refusal
    const meta = files.contents.get("meta.json")
    const wrong = tar.end() ?? checkWhole(meta, files.contents.get("done.marker"))
    if (wrong !== undefined || meta === undefined) {
      refusal = invalid(wrong ?? "meta.json is missing")
      return refusal
    }
    return {
      contentSha256: members.contentSha256(sha256()),
      metaCommit: commitOf(meta),
      members: members.count(),
      unpackedBytes
    }
  }

  return { push, refusal: () => refusal, end }
}
