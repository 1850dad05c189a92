import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Notify } from "../src/services/Notify.ts"
import { sendDatagram } from "./ffi.ts"

type Environment = Readonly<Record<string, string | undefined>>

/** sd_watchdog_enabled(3): who forks hands its environment on, so `WATCHDOG_PID` says who is meant. */
const watchdogMillis = (environment: Environment): number | undefined => {
  const pid = environment.WATCHDOG_PID
  if (pid !== undefined && pid !== String(process.pid)) return undefined
  const micros = environment.WATCHDOG_USEC ?? ""
  return /^[1-9][0-9]{0,15}$/.test(micros) ? Number(micros) / 1000 : undefined
}

const send = (socket: string): Notify["Service"]["send"] => {
  let delivered = true
  return (notification) =>
    Effect.try({
      // One assignment is one line: more would be other assignments.
      try: () => sendDatagram(socket, notification.replaceAll(/[\r\n]+/g, " ")),
      catch: (cause) => (cause instanceof Error ? cause.message : String(cause))
    }).pipe(
      Effect.matchEffect({
        onSuccess: () => Effect.sync(() => void (delivered = true)),
        onFailure: (reason) =>
          Effect.suspend(() => {
            if (!delivered) return Effect.void
            delivered = false
            return Effect.logWarning(
              "the service manager cannot be told how this program is; work goes on, not said again until it can"
            ).pipe(Effect.annotateLogs({ socket, notification, reason }))
          })
      })
    )
}

/** Said to nobody: nobody asked. */
const unasked: Notify["Service"] = { send: () => Effect.void, watchdogMillis: undefined }

/** sd_notify(3) to the socket that systemd put into the environment. */
export const layerSystemd = (environment: Environment = process.env): Layer.Layer<Notify> => {
  const socket = environment.NOTIFY_SOCKET
  if (!socket) return Layer.succeed(Notify, unasked)
  return Layer.sync(Notify, () => ({ send: send(socket), watchdogMillis: watchdogMillis(environment) }))
}
