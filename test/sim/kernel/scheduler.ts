/** Effect's scheduler for one process: what is scheduled runs within the world's current step, in order, as long as the process lives. */
import type { Scheduler } from "effect/Scheduler"
import type { World } from "./world.ts"

interface Task {
  readonly priority: number
  readonly run: () => void
}

/**
 * Fibers run on the stack of the event that wakes them, and take turns after Effect's usual number of operations. Tasks of one batch run
 * by priority, those of the same in the order they were scheduled.
 */
export const makeScheduler = (world: World, isAlive: () => boolean): Scheduler => {
  let tasks: Array<Task> = []

  const runAll = (): void => {
    const batch = tasks
    tasks = []
    if (batch.some(({ priority }) => priority !== 0)) batch.sort((a, b) => a.priority - b.priority)
    for (const { run } of batch) {
      if (!isAlive()) return
      run()
    }
  }
  const dispatcher = {
    scheduleTask: (run: () => void, priority: number): void => {
      if (tasks.push({ run, priority }) === 1) world.soon(runAll)
    },
    flush: (): void => {
      while (tasks.length > 0) runAll()
    }
  }
  return {
    executionMode: "sync",
    shouldYield: (fiber) => fiber.currentOpCount >= fiber.cache.maxOpsBeforeYield,
    makeDispatcher: () => dispatcher
  }
}
