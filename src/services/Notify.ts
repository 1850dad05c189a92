import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/** One assignment of the service manager's protocol: `READY=1`, `STATUS=…`, `WATCHDOG=1`, `STOPPING=1` (sd_notify(3)). */
export type Notification = "READY=1" | "WATCHDOG=1" | "STOPPING=1" | `STATUS=${string}`

/** Tells the service manager how the program is. A message that cannot be delivered is logged once and never fails. */
export class Notify extends Context.Service<
  Notify,
  {
    readonly send: (notification: Notification) => Effect.Effect<void>
    /** `WATCHDOG_USEC` as milliseconds, when the manager watches this very process. */
    readonly watchdogMillis: number | undefined
  }
>()("cis490/services/Notify") {}
