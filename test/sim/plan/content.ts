/** What a recorder writes: a function of names and numbers, so that the same plan always gives the same bytes. */
import { createCipheriv, createHash } from "node:crypto"
import { OLD_COMMIT } from "./commits.ts"
import type { EpisodeKind, EpisodePlan } from "./plan.ts"

export interface RecordedFile {
  readonly path: string
  readonly bytes: Uint8Array
  readonly mode: number
}

export interface Recording {
  /** Below the episode's directory, parents first. */
  readonly directories: ReadonlyArray<string>
  /** Without `done.marker`. */
  readonly files: ReadonlyArray<RecordedFile>
  /** Name and target. */
  readonly links: ReadonlyArray<{ readonly path: string; readonly target: string }>
  /** Bytes of `done.marker`; `undefined` when it never comes. */
  readonly marker: Uint8Array | undefined
}

/** More than a connection takes at a time, and than is packed in one block. */
const LARGE_BYTES = 1_100_000
const TOO_LARGE_BYTES = 1_300_000
/** Between the two: `limits.max_episode_bytes`. */
export const MAX_EPISODE_BYTES = 1_200_000

const encoder = new TextEncoder()
const text = (path: string, content: string, mode = 0o644): RecordedFile => ({
  path,
  bytes: encoder.encode(content),
  mode
})

/** Bytes that cannot be compressed. */
const noise = (label: string, length: number): Uint8Array => {
  const key = createHash("sha256").update(label).digest()
  return createCipheriv("aes-256-ctr", key, new Uint8Array(16)).update(new Uint8Array(length))
}

const stamps: Partial<Record<EpisodeKind, (commit: string) => object>> = {
  unstamped: () => ({ code_version: {} }),
  malformedCommit: () => ({ code_version: { commit: "deadbeef" } }),
  oldCommit: () => ({ code_version: { commit: OLD_COMMIT } })
}

const extras: Partial<Record<EpisodeKind, (label: string) => ReadonlyArray<RecordedFile>>> = {
  deep: (label) => [
    text("frames/0001/a.json", `{"of":"${label}"}`),
    text("frames/0001/b.bin", `b of ${label}`),
    text("frames/empty", ""),
    text("run.sh", "#!/bin/sh\n", 0o755)
  ],
  large: (label) => [{ path: "telemetry-disk.bin", bytes: noise(label, LARGE_BYTES), mode: 0o644 }],
  tooLarge: (label) => [{ path: "telemetry-disk.bin", bytes: noise(label, TOO_LARGE_BYTES), mode: 0o644 }],
  badName: () => [text("tab\tin name", "x")],
  reasonInside: () => [text("quarantine_reason.json", '{"by":"somebody else"}')]
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

const manifestOf = (files: ReadonlyArray<RecordedFile>, broken: boolean): string =>
  files
    .filter(({ path }) => path !== "quarantine_reason.json")
    .map(({ path, bytes }, i) => `${broken && i === 0 ? "0".repeat(64) : sha256(bytes)}  ${path}\n`)
    .join("")

/** `run` is 0 for the first recording under this id, 1 for the next. */
export const record = (host: string, { id, kind, manifest }: EpisodePlan, commit: string, run: number): Recording => {
  const label = `${host}/${id}/${run}`
  const meta = {
    episode: id,
    host,
    run,
    ...(stamps[kind] ?? ((of: string) => ({ code_version: { commit: of } })))(commit)
  }
  const files = [
    text("meta.json", JSON.stringify(meta)),
    text("events.jsonl", `{"event":"start","of":"${label}"}\n`),
    text("labels.jsonl", ""),
    text("telemetry-proc.jsonl", `{"cpu":${label.length}}\n`),
    ...(extras[kind]?.(label) ?? [])
  ]
  const directories = kind === "deep" ? ["frames", "frames/0001"] : []
  const marker = manifest || kind === "brokenManifest" ? manifestOf(files, kind === "brokenManifest") : ""
  return {
    directories,
    files,
    links: kind === "symlink" ? [{ path: "latest", target: "/etc/passwd" }] : [],
    marker: kind === "unfinished" ? undefined : encoder.encode(marker)
  }
}
