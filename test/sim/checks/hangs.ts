/** A daemon that stands still is killed for want of a beat, and one that does not stand still is not. */
import { WATCHDOG_MILLIS } from "../kernel/notify.ts"
import type { Process } from "../kernel/process.ts"
import type { Scene } from "./check.ts"
import { Violation } from "./violation.ts"

/** Longer than anything else that happens in a run. */
export const HANG_MILLIS = 3_600_000

export const makeHangs = (scene: Scene, report: (violation: Violation) => void) => {
  const hung: Array<Process> = []
  return {
    /** One of its calls takes so long. Only what keeps a pass from ending is to be given to this. */
    slowed: (process: Process, millis: number): void => {
      if (millis < HANG_MILLIS) return
      hung.push(process)
      scene.world.after(2 * WATCHDOG_MILLIS, () => {
        if (process.alive)
          report(new Violation("it beats only while it gets on", `${process.name} stands still, and is alive`))
      })
    },
    /** Nobody stands still any more. */
    areOver: (): boolean => hung.every(({ alive }) => !alive),
    /** How many were killed for want of a beat. */
    verify: (kills: number): void => {
      if (kills > hung.length)
        throw new Violation(
          "it beats while it gets on",
          `${kills} were killed for want of a beat, ${hung.length} stood still`
        )
    }
  }
}
