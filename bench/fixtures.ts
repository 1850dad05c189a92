/** Hosts, datasets and episodes of any size. */
import { randomFillSync } from "node:crypto"
import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import { RECEIVER, SHIPPER, startProgram } from "./programs.ts"

export const MIB = 1024 * 1024
/** Nobody listens there. */
export const NOWHERE = "http://127.0.0.1:9"

const META = JSON.stringify({ code_version: { commit: "0123456789abcdef0123456789abcdef01234567" } })

const jsonlBlock = (): Buffer => {
  const block = Buffer.alloc(MIB, 0x0a)
  for (let at = 0, i = 0; ; i++) {
    const line = `{"t":${i * 37},"pid":${i % 4096},"cpu":0.${(i * 7919) % 1000},"comm":"worker-${i % 17}"}\n`
    if (at + line.length > MIB) return block
    at += block.write(line, at)
  }
}

const writeBlocks = (path: string, bytes: number, block: () => Buffer): void => {
  const file = openSync(path, "w")
  for (let left = bytes; left > 0; left -= MIB) writeSync(file, block(), 0, Math.min(left, MIB))
  closeSync(file)
}

/** A lab host below `root`, whose receiver is at `url`. */
export const makeHost = (root: string, url: string) => {
  const scratch = join(root, "said")
  const config = join(root, "lab-host.toml")
  const episodes = join(root, "data/episodes")
  for (const path of [scratch, episodes]) mkdirSync(path, { recursive: true })
  const point = (to: string): void =>
    writeFileSync(
      config,
      `host_id = "lab-1"\n[paths]\ndata_root = "${join(root, "data")}"\nmin_free_bytes = 0\n[receiver]\nurl = "${to}"\n`
    )
  point(url)
  return {
    scratch,
    point,
    args: (...args: ReadonlyArray<string>): ReadonlyArray<string> => [...args, "--config", config],
    start: (...args: ReadonlyArray<string>) => startProgram(scratch, SHIPPER, [...args, "--config", config]),
    /** Half of it random, half JSONL. */
    record: (id: string, bytes: number): void => {
      const directory = join(episodes, id)
      mkdirSync(directory)
      const random = Buffer.alloc(MIB)
      const jsonl = jsonlBlock()
      writeBlocks(join(directory, "random.bin"), bytes / 2, () => randomFillSync(random))
      writeBlocks(join(directory, "telemetry-proc.jsonl"), bytes / 2, () => jsonl)
      writeFileSync(join(directory, "meta.json"), META)
      writeFileSync(join(directory, "done.marker"), "")
    },
    /** So many tiny episodes. */
    pile: (count: number): void => {
      for (let i = 0; i < count; i++) {
        const directory = join(episodes, `01JC${String(i).padStart(22, "0")}`)
        mkdirSync(directory)
        writeFileSync(join(directory, "meta.json"), META)
        writeFileSync(join(directory, "done.marker"), "")
      }
    }
  }
}

const rowOf = (i: number): string =>
  `${JSON.stringify({
    schema_version: 1,
    host_id: `lab-${i % 100}`,
    episode_id: `01JC${String(i).padStart(22, "0")}`,
    sha256: i.toString(16).padStart(64, "0"),
    bytes: 1000 + i,
    content_sha256: i.toString(16).padStart(64, "c"),
    received_at: "2026-01-01T00:00:00.000Z",
    commit: i.toString(16).padStart(40, "d")
  })}\n`

const ROWS_AT_ONCE = 10_000

/** A central node below `root`. */
export const makeCentre = (root: string) => {
  const scratch = join(root, "said")
  const config = join(root, "receiver.toml")
  const index = join(root, "index.jsonl")
  mkdirSync(scratch, { recursive: true })
  writeFileSync(
    config,
    [
      'listen = "127.0.0.1:0"',
      `[paths]\nstore_root = "${join(root, "store")}"\nincoming_root = "${join(root, "incoming")}"\nindex_path = "${index}"`,
      "[limits]\nmin_free_bytes = 0",
      "[version_gate]\nenabled = false\n"
    ].join("\n")
  )
  return {
    /** Rows in the index. */
    rows: (): number => readFileSync(index, "utf8").split("\n").length - 1,
    /** Up when somebody was told so over HTTP. */
    start: async () => {
      const began = performance.now()
      const program = startProgram(scratch, RECEIVER, ["run", "--config", config])
      const port = (): string | undefined => /listening address=127\.0\.0\.1:(\d+)/.exec(program.stderr())?.[1]
      await program.until(() => port() !== undefined)
      const url = `http://127.0.0.1:${port()}`
      await program.until(async () => (await fetch(`${url}/v1/health`)).ok)
      return { ...program, url, upMillis: performance.now() - began }
    },
    /** Appends rows `from` to `to` to the index. */
    addRows: (from: number, to: number): void => {
      for (let at = from; at < to; at += ROWS_AT_ONCE) {
        const rows = Array.from({ length: Math.min(ROWS_AT_ONCE, to - at) }, (_, i) => rowOf(at + i))
        appendFileSync(index, rows.join(""), { mode: 0o600 })
      }
    }
  }
}
