import { execFile } from "node:child_process"
import { join } from "node:path"

/** Runs `npm run sim -- …` in a process of its own; gives what it said and how it ended. */
export const simulate = (...args: ReadonlyArray<string>): Promise<{ readonly said: string; readonly status: number }> =>
  new Promise((resolve) => {
    const cli = join(import.meta.dirname, "../sim/cli.ts")
    execFile(process.execPath, [cli, ...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ said: `\n${stdout}${stderr}`, status: error === null ? 0 : 1 })
    })
  })
