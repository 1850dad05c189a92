/** As many workers as there are cores, and who gets what to do next. */
import { fork } from "node:child_process"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import type { Job, Result } from "./worker.ts"

export interface CrewOptions {
  /** The mistake that all of them make. */
  readonly mistake?: string
  /** Told of every result; `false` ends it all. */
  readonly each: (result: Result) => boolean
}

const BATCH = 8

/** Gives the jobs out in order. Done when all are, or when somebody has seen enough. */
export const work = (jobs: Iterable<Job>, { each, mistake = "" }: CrewOptions): Promise<void> => {
  const source = jobs[Symbol.iterator]()
  let enough = false
  const next = (): ReadonlyArray<Job> => {
    if (enough) return []
    const batch: Array<Job> = []
    for (let job = source.next(); job.done !== true; job = source.next()) if (batch.push(job.value) === BATCH) break
    return batch
  }
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = fork(join(import.meta.dirname, "worker.ts"), [mistake], { serialization: "advanced" })
      worker.on("error", reject)
      worker.on("exit", (code, signal) =>
        code === 0 || enough || signal === "SIGTERM"
          ? resolve()
          : reject(new Error(`a worker ended with ${code ?? signal}`))
      )
      worker.on("message", (results: ReadonlyArray<Result>) => {
        for (const result of results) enough ||= !each(result)
        const batch = next()
        if (batch.length === 0) worker.disconnect()
        else worker.send(batch)
      })
    })
  return Promise.all(Array.from({ length: availableParallelism() }, one)).then(() => undefined)
}
