/** Hosts, datasets and episodes of any size. */
import { randomFillSync } from "node:crypto"
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import { RECEIVER, SHIPPER, startProgram } from "./programs.ts"
import { appendRows, countRows } from "./rows.ts"
import { indexPath, receiverPort, writeHostSettings, writeReceiverSettings } from "./settings.ts"
import { MIB } from "./units.ts"
import { META } from "./workload.ts"

/** Nobody listens there. */
export const NOWHERE = "http://127.0.0.1:9"

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
  const dataRoot = join(root, "data")
  const episodes = join(dataRoot, "episodes")
  for (const path of [scratch, episodes]) mkdirSync(path, { recursive: true })
  const point = (to: string): string => writeHostSettings(root, { dataRoot, url: to }, ["min_free_bytes = 0"])
  const config = point(url)
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

/** A central node below `root`. */
export const makeCentre = (root: string) => {
  const scratch = join(root, "said")
  const index = indexPath(root)
  mkdirSync(scratch, { recursive: true })
  const config = writeReceiverSettings(root, ["[limits]", "min_free_bytes = 0"])
  return {
    /** Rows in the index. */
    rows: (): number => countRows(index),
    /** Up when somebody was told so over HTTP. */
    start: async () => {
      const began = performance.now()
      const program = startProgram(scratch, RECEIVER, ["run", "--config", config])
      const port = (): number | undefined => receiverPort(program.stderr())
      await program.until(() => port() !== undefined)
      const url = `http://127.0.0.1:${port()}`
      await program.until(async () => (await fetch(`${url}/v1/health`)).ok)
      return { ...program, url, upMillis: performance.now() - began }
    },
    /** Appends rows `from` to `to` to the index. */
    addRows: (from: number, to: number): void => appendRows(index, from, to)
  }
}
