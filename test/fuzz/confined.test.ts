/** What is small stays small: no input makes us hold or do out of all proportion. */
import { Worker } from "node:worker_threads"
import { expect, it } from "vitest"
import { hostile } from "./hostile.ts"

/** The programs' own code takes 40 of it. */
const MEMORY_MIB = 112
/** Each takes a second at most, also on a busy machine; what grows with the square of its input takes minutes. */
const DEADLINE_MILLIS = 60_000

const confined = (name: string): Promise<string> =>
  new Promise((resolve) => {
    const worker = new Worker(new URL("./hostile.ts", import.meta.url), {
      workerData: name,
      execArgv: ["--disable-warning=ExperimentalWarning"],
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB }
    })
    const timer = setTimeout(() => end("hangs"), DEADLINE_MILLIS)
    const end = (how: string): void => {
      clearTimeout(timer)
      resolve(how)
      void worker.terminate()
    }
    worker.once("message", end)
    worker.once("error", (error) => end(String(error)))
  })

it.each(Object.keys(hostile))("%s is read in little time and memory", async (name) => {
  expect(await confined(name)).toBe("done")
})
