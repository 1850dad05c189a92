/** The built programs as whole processes, and what the kernel says of them. */
import { spawn, spawnSync } from "node:child_process"
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { peakIn } from "./measure.ts"

const REPOSITORY = join(import.meta.dirname, "..")
export const SHIPPER = join(REPOSITORY, "dist/cis490-shipper.cjs")
export const RECEIVER = join(REPOSITORY, "dist/cis490-receiver.cjs")

/** Once for all scripts that one of them starts. */
const BUILT = "BENCH_BUILT"

export const build = (): void => {
  if (process.env[BUILT] !== undefined) return
  const { status } = spawnSync("npm", ["run", "--silent", "build"], { cwd: REPOSITORY, stdio: "inherit" })
  if (status !== 0) throw new Error("the programs could not be built")
  process.env[BUILT] = "1"
}

/** Keeps what the kernel knows of a process when it ends: its peak would else be gone with it. */
const KEEP_STATUS =
  'import{readFileSync,writeFileSync}from"node:fs";process.on("exit",()=>writeFileSync(process.env.KEPT_STATUS,readFileSync("/proc/self/status")))'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** The most memory it ever had resident, in bytes; NaN if it was killed. */
  readonly peak: number
}

/** Nothing measured here takes so long. */
const PATIENCE_MILLIS = 300_000

/** `scratch`: a directory for what it says. */
export const startProgram = (scratch: string, program: string, args: ReadonlyArray<string>) => {
  const [kept, out, err] = ["status", "stdout", "stderr"].map((name) => join(scratch, name)) as [string, string, string]
  const [stdout, stderr] = [openSync(out, "w"), openSync(err, "w")]
  writeFileSync(kept, "")
  const node = [
    "--disable-warning=ExperimentalWarning",
    `--import=data:text/javascript,${encodeURIComponent(KEEP_STATUS)}`
  ]
  const child = spawn(process.execPath, [...node, program, ...args], {
    stdio: ["ignore", stdout, stderr],
    env: { PATH: process.env["PATH"], HOME: "/nonexistent", KEPT_STATUS: kept }
  })
  closeSync(stdout)
  closeSync(stderr)
  const pid = child.pid ?? 0
  const ended = new Promise<Ended>((resolve) =>
    child.once("close", (code) =>
      resolve({
        code,
        stdout: readFileSync(out, "utf8"),
        stderr: readFileSync(err, "utf8"),
        peak: peakIn(readFileSync(kept, "utf8")) ?? Number.NaN
      })
    )
  )
  const over = (): boolean => child.exitCode !== null || child.signalCode !== null
  return {
    pid,
    ended,
    stderr: (): string => readFileSync(err, "utf8"),
    /** Waits until `ready` says so; a program that has ended never will be. */
    until: async (ready: () => boolean | Promise<boolean>, patienceMillis = PATIENCE_MILLIS): Promise<void> => {
      const latest = performance.now() + patienceMillis
      while (!(await ready())) {
        if (performance.now() > latest)
          throw new Error(`${program} ${args.join(" ")} does not get there: ${readFileSync(err, "utf8").slice(-2000)}`)
        if (over()) throw new Error(`${program} ${args.join(" ")} ended: ${readFileSync(err, "utf8")}`)
        await sleep(5)
      }
    },
    stop: (): Promise<Ended> => {
      child.kill("SIGTERM")
      return ended
    }
  }
}

/** Runs a command of a program to its end. */
export const runProgram = async (scratch: string, program: string, args: ReadonlyArray<string>): Promise<Ended> => {
  const ended = await startProgram(scratch, program, args).ended
  if (Number.isNaN(ended.peak)) throw new Error(`${program} ${args.join(" ")} was killed: ${ended.stderr}`)
  return ended
}

export const endedWell = ({ code, stderr }: Ended): void => {
  if (code !== 0) throw new Error(`ended ${code}: ${stderr}`)
}

/** Of a whole run of Node with these arguments, in milliseconds. */
export const wallMillis = (args: ReadonlyArray<string>): number => {
  const began = performance.now()
  const { status } = spawnSync(process.execPath, args, { stdio: "ignore" })
  if (status !== 0) throw new Error(`node ${args.join(" ")} ended ${status}`)
  return performance.now() - began
}
