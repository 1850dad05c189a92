/** The service manager's ear: hears what a program says of itself, and when. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { type Notification, Notify } from "../../../src/services/Notify.ts"
import type { Process } from "./process.ts"

export interface Heard {
  /** In the world's time. */
  readonly at: number
  readonly notification: Notification
}

/** As in the units in `etc/`. */
export const WATCHDOG_MILLIS = 180_000

/** A message that is not delivered is nobody's failure. */
export const layerNotify = (process: Process, hear: (heard: Heard) => void): Layer.Layer<Notify> =>
  Layer.succeed(Notify, {
    watchdogMillis: WATCHDOG_MILLIS,
    send: (notification) =>
      Effect.ignore(
        process.call(
          { service: "notify", method: "send", target: notification, mutates: true },
          () => {
            hear({ at: process.machine.world.now(), notification })
            return Exit.void
          },
          (code) => code
        )
      )
  })
