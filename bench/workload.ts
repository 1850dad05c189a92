/**
 * Episodes as a lab records them, the same ones from the same seed: telemetry as JSON Lines in which counters climb, names repeat and
 * the last digits are noise (zstd -3 makes about a fifth of it), and, where asked for, captures that nothing makes smaller.
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import { KIB, MIB } from "./units.ts"

export interface Workload {
  readonly episodes: number
  /** Of one episode, before it is packed. */
  readonly bytes: number
  /** Which part of it is incompressible. */
  readonly noise: number
}

export const workloads = {
  SMALL: { episodes: 1000, bytes: 64 * KIB, noise: 0 },
  MEDIUM: { episodes: 60, bytes: 8 * MIB, noise: 0 },
  LARGE: { episodes: 4, bytes: 512 * MIB, noise: 0.5 },
  BACKLOG: { episodes: 20_000, bytes: 16 * KIB, noise: 0 }
} as const satisfies Readonly<Record<string, Workload>>

/** What `meta.json` says. */
export const META = JSON.stringify({ code_version: { commit: "0123456789abcdef0123456789abcdef01234567" } })
const SEED = 490
/** When the first of them was recorded: seconds since 1970. */
const EPOCH = 1_767_225_600

/** xorshift32: fast, and the same everywhere. A whole number below 2^32. */
const makeRandom = (seed: number): (() => number) => {
  let state = seed | 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

const COMMANDS = ["sshd", "busybox", "nginx", "kworker/u4:2", "python3", "mirai.x86", "cron", "dropbear", "xmrig"]
const STATES = ["R", "S", "S", "S", "D", "Z"]

/** Longer than a window of zstd at the levels used here; only what begins near its end comes again soon. */
const POOL_BYTES = 16 * MIB

const telemetryPool = (random: () => number): Buffer => {
  const pool = Buffer.alloc(POOL_BYTES, 0x0a)
  let time = EPOCH * 1000
  for (let at = 0; ; ) {
    time += random() % 40
    const pid = 300 + (random() % 60)
    const line = `{"ts":${time},"pid":${pid},"comm":"${COMMANDS[pid % COMMANDS.length]}","state":"${STATES[random() % STATES.length]}","utime":${pid * 17 + (time % 100_000)},"stime":${random() % 5000},"rss_kb":${pid * 64 + (random() % 4096)},"read_bytes":${random() % 1_000_000},"write_bytes":${random() % 300_000},"ctxt":${(time / 7) | 0}}\n`
    if (at + line.length > POOL_BYTES) return pool
    at += pool.write(line, at)
  }
}

const noisePool = (random: () => number): Buffer => {
  const pool = Buffer.alloc(POOL_BYTES)
  for (let at = 0; at < POOL_BYTES; at += 4) pool.writeUInt32LE(random(), at)
  return pool
}

/** So many bytes of the pool, from a place of its own. */
const writeSlice = (path: string, pool: Buffer, bytes: number, random: () => number): void => {
  const file = openSync(path, "w")
  for (let left = bytes; left > 0; ) {
    const from = random() % (POOL_BYTES - 4 * KIB)
    left -= writeSync(file, pool, from, Math.min(left, POOL_BYTES - from))
  }
  closeSync(file)
}

/** ULIDs of recorders sort by time; so do these. */
export const episodeId = (i: number): string => `01KDVC${String(i).padStart(20, "0")}`

/** Records the episodes of a workload below `episodes/` of a data root, ready. */
export const record = (dataRoot: string, { bytes, episodes, noise }: Workload): void => {
  const random = makeRandom(SEED)
  const telemetry = telemetryPool(random)
  const captured = noise > 0 ? noisePool(random) : telemetry
  const events = Math.min(bytes >> 4, 256 * KIB)
  for (let i = 0; i < episodes; i++) {
    const directory = join(dataRoot, "episodes", episodeId(i))
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, "meta.json"), META)
    writeSlice(join(directory, "events.jsonl"), telemetry, events, random)
    writeFileSync(join(directory, "labels.jsonl"), `{"t0":${EPOCH},"t1":${EPOCH + i},"label":"benign"}\n`)
    const capture = Math.floor(bytes * noise)
    if (capture > 0) writeSlice(join(directory, "capture.pcap"), captured, capture, random)
    writeSlice(join(directory, "telemetry-proc.jsonl"), telemetry, bytes - events - capture, random)
    writeFileSync(join(directory, "done.marker"), "")
  }
}
