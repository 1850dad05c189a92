/**
 * The manifest of an episode: exactly what GNU `sha256sum` prints and checks, one line `<sha256>  <path>\n` per regular file,
 * paths below the top directory, sorted by bytes. A name with a backslash, newline or carriage return is escaped and its
 * line begins with a backslash (GNU coreutils, "md5sum invocation").
 */
import { quotePath } from "./tar.ts"

export interface ManifestEntry {
  readonly path: string
  readonly sha256: string
}

const escaped: Record<string, string> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r" }
const unescaped: Record<string, string> = { "\\\\": "\\", "\\n": "\n", "\\r": "\r" }

export const formatManifestLine = ({ path, sha256 }: ManifestEntry): string => {
  const safe = path.replace(/[\\\n\r]/g, (c) => escaped[c] ?? c)
  return `${safe === path ? "" : "\\"}${sha256}  ${safe}\n`
}

const SURROGATE = /[\ud800-\udfff]/

/** Orders strings by their UTF-8 bytes, which is their order by code point: that of JavaScript but where a surrogate stands. */
export const compareBytes = (a: string, b: string): number => {
  if (SURROGATE.test(a) || SURROGATE.test(b)) return compareCodePoints(a, b)
  return a < b ? -1 : a > b ? 1 : 0
}

const compareCodePoints = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    // A surrogate stands for a code point above every other UTF-16 unit.
    const xs = x >= 0xd800 && x <= 0xdfff
    const ys = y >= 0xd800 && y <= 0xdfff
    return xs === ys ? x - y : xs ? 1 : -1
  }
  return a.length - b.length
}

/** The manifest whose SHA-256 is the `content_sha256`. */
export const formatManifest = (entries: ReadonlyArray<ManifestEntry>): string =>
  entries
    .toSorted((a, b) => compareBytes(a.path, b.path))
    .map(formatManifestLine)
    .join("")

const parseLine = (line: string): ManifestEntry | undefined => {
  const found = /^(\\?)([0-9a-f]{64}) [ *](.+)$/s.exec(line)
  if (found === null) return undefined
  const [, escape, sha256 = "", name = ""] = found
  const path = escape === "" ? name : name.replace(/\\[\\nr]/g, (pair) => unescaped[pair] ?? pair)
  return { path: path.replace(/^\.\//, ""), sha256 }
}

/**
 * The entries of a manifest as `sha256sum` writes it, in text or binary mode; `undefined`, and nothing behind it, for a line that is
 * none. One at a time: what a manifest may say is far more than its files.
 */
export function* manifestEntries(text: string): Generator<ManifestEntry | undefined> {
  for (let from = 0; from < text.length; ) {
    const to = text.indexOf("\n", from)
    const entry = to === -1 ? undefined : parseLine(text.slice(from, to))
    yield entry
    if (entry === undefined) return
    from = to + 1
  }
}

/**
 * What a `done.marker` with a manifest finds wrong with the files it stands beside, in words; `undefined` when nothing.
 * The marker names every other file exactly once. An empty marker promises nothing.
 */
export const checkMarker = (marker: string, files: ReadonlyMap<string, string>): string | undefined => {
  if (marker === "") return undefined
  const named = new Set<string>()
  for (const entry of manifestEntries(marker)) {
    if (entry === undefined) return "done.marker is neither empty nor a sha256sum manifest"
    const { path, sha256 } = entry
    const found = files.get(path)
    if (found === undefined) return `${quotePath(path)} is named in done.marker and missing`
    if (found !== sha256) return `${path} is not what done.marker says`
    if (named.has(path)) return "done.marker names a file twice"
    named.add(path)
  }
  for (const path of files.keys()) {
    if (path !== "done.marker" && !named.has(path)) return `${path} is not named in done.marker`
  }
  return undefined
}
