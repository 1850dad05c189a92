/** A recorder on a lab host: writes episodes, sound and unsound ones, and remembers exactly what it wrote. */
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import type { Chance } from "./chance.ts"

/** What is wrong with an episode, by the reasons with which it may be quarantined; nothing is with the first two. */
export const REASONS = {
  good: [],
  conflict: [],
  unpackable: ["unpackable"],
  outOfWindow: ["out_of_window"],
  unstamped: ["bad_request", "unstamped"],
  tooLarge: ["too_large"]
} as const satisfies Record<string, ReadonlyArray<string>>
export type Kind = keyof typeof REASONS

/** The receiver takes no tarball above this. */
export const MAX_EPISODE_BYTES = 5 * 1024 * 1024

export interface Episode {
  readonly host: string
  readonly id: string
  readonly kind: Kind
  /** What `describeTree` says of it wherever it lies. */
  readonly tree: string
  /** The file with what `sha256sum` prints of its files. */
  readonly manifest: string
  readonly contentSha256: string
}

const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex")

const describe = (path: string, at: string): string => {
  const { ino, mtimeNs, size } = fs.lstatSync(at, { bigint: true })
  return `${path}\0${ino} ${size} ${mtimeNs}`
}

const entriesBelow = (top: string, below = ""): Array<string> =>
  fs.readdirSync(join(top, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below === "" ? entry.name : `${below}/${entry.name}`
    if (entry.isDirectory()) return [`${path}/`, ...entriesBelow(top, path)]
    return path === "quarantine_reason.json" ? [] : [describe(path, join(top, path))]
  })

/**
 * Every name below a directory, of files with inode, size and mtime: a rename changes none of them, and whoever writes to a file or
 * makes a new one changes one.
 */
export const describeTree = (top: string): string => entriesBelow(top).toSorted().join("\n")

/** Troubles that were made on purpose, and pass. */
const isOnPurpose = (error: unknown): boolean =>
  error instanceof Error && "code" in error && ["ENOSPC", "EACCES", "ENOTEMPTY"].includes(String(error.code))

/** False where the disk is full or a directory is closed just now. */
const managed = (work: () => void): boolean => {
  try {
    work()
    return true
  } catch (error) {
    if (isOnPurpose(error)) return false
    throw error
  }
}

const contentOf = (
  chance: Chance,
  kind: Kind,
  name: { readonly host: string; readonly id: string },
  commit: string
): Array<readonly [string, Buffer]> => {
  const lines = (count: number, line: (n: number) => unknown) =>
    Buffer.from(Array.from({ length: count }, (_, n) => `${JSON.stringify(line(n))}\n`).join(""))
  const size = chance.weighted({ small: 75, middling: 17, large: 8 })
  const raw = {
    small: () => chance.between(0, 20_000),
    middling: () => chance.between(50_000, 400_000),
    large: () => chance.between(1_000_000, 4_000_000)
  }
  const stamp = { good: commit, conflict: commit, unpackable: commit, tooLarge: commit, outOfWindow: "0".repeat(40) }
  const meta = { ...name, ...(kind === "unstamped" ? {} : { code_version: { commit: stamp[kind] } }) }
  return [
    [
      "events.jsonl",
      lines(chance.between(1, 20), (n) => ({ n, event: "tick", of: name, salt: chance.between(0, 1e9) }))
    ],
    ["labels.jsonl", lines(1, () => ({ label: "benign" }))],
    ["sub/raw data.bin", chance.bytes(kind === "tooLarge" ? MAX_EPISODE_BYTES + 1 : raw[size]())],
    ["sub/empty", Buffer.alloc(0)],
    ["telemetry-proc.jsonl", lines(chance.between(1, 2000), (n) => ({ n, cpu: n % 100 }))],
    ["meta.json", lines(1, () => meta)]
  ]
}

/** `root`: the host's disk; its shipper works below `root/data`. `truth`: where the manifests are kept. */
export const makeRecorder = (
  chance: Chance,
  options: { readonly host: string; readonly root: string; readonly truth: string; readonly commit: string }
) => {
  const { commit, host, root, truth } = options
  const scratch = join(root, "scratch")
  const episodes = join(root, "data/episodes")
  for (const path of [scratch, episodes]) fs.mkdirSync(path, { recursive: true })
  const recorded: Array<Episode> = []
  let begun = 0

  const draft = (id: string, kind: Kind, directory: string) => {
    const files = contentOf(chance, kind, { host, id }, commit)
    const linked = kind === "unpackable" && chance.yes(0.5)
    const write = (some: typeof files) =>
      managed(() => {
        fs.mkdirSync(join(directory, "sub"), { recursive: true })
        for (const [path, bytes] of some) fs.writeFileSync(join(directory, path), bytes)
      })
    /** The marker last, and whole: from then on it is an episode. */
    const complete = (settle: () => void): boolean => {
      if (!write(files)) return false
      const link = join(directory, "link")
      if (linked && !fs.existsSync(link)) fs.symlinkSync("meta.json", link)
      const sums = new Map(files.map(([path, bytes]) => [path, sha256(bytes)]))
      if (kind === "unpackable" && !linked) sums.set("events.jsonl", sha256("other events"))
      const print = (of: Iterable<readonly [string, string]>) =>
        [...of].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([path, sum]) => `${sum}  ${path}\n`)
      const vouches = kind === "unpackable" ? !linked : chance.yes(0.5)
      const marker = vouches ? print(sums).join("") : ""
      const markerDraft = join(scratch, `${id}.marker`)
      if (!managed(() => fs.writeFileSync(markerDraft, marker))) return false
      const really = files.map(([path, bytes]) => [path, sha256(bytes)] as const)
      const manifest = print([...really, ["done.marker", sha256(marker)]]).join("")
      const file = join(truth, `${host}.${id}.${kind}.sha256`)
      fs.writeFileSync(file, manifest)
      const tree = [...entriesBelow(directory), describe("done.marker", markerDraft)].toSorted().join("\n")
      // Nobody can have taken it yet: it is finished with this rename.
      fs.renameSync(markerDraft, join(directory, "done.marker"))
      if (!managed(settle)) return false
      recorded.push({ host, id, kind, tree, manifest: file, contentSha256: sha256(manifest) })
      return true
    }
    return { id, write: () => write(files.slice(0, 3)), complete, directory, kind }
  }
  const open: Array<ReturnType<typeof draft>> = []

  return {
    recorded,
    /** Names of those that are not finished. */
    unfinished: (): ReadonlyArray<string> => open.map(({ id }) => id),
    /** Begins a new one, if the disk lets it. */
    begin: (): void => {
      const id = `E${String(++begun).padStart(5, "0")}`
      const kind = chance.weighted<Exclude<Kind, "conflict">>({
        good: 90,
        unpackable: 3,
        outOfWindow: 3,
        unstamped: 3,
        tooLarge: 1
      })
      const begins = draft(id, kind, join(episodes, id))
      if (begins.write()) open.push(begins)
      else fs.rmSync(begins.directory, { recursive: true, force: true })
    },
    /** Finishes the oldest that is open; false when none is, or none can be now. */
    finish: (): boolean => {
      const oldest = open[0]
      if (oldest === undefined || !oldest.complete(() => undefined)) return false
      open.shift()
      return true
    },
    /** Uses the name of an earlier episode again, for other content. False where that name is there just now. */
    useAgain: (id: string): boolean => {
      const directory = join(scratch, id)
      const again = draft(id, "conflict", directory)
      // rename(2) refuses a directory that is there already and has anything in it.
      const done = again.complete(() => fs.renameSync(directory, join(episodes, id)))
      fs.rmSync(directory, { recursive: true, force: true })
      return done
    }
  }
}
export type Recorder = ReturnType<typeof makeRecorder>
