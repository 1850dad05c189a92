/** A socket of a process: its kernel's to close when the process ends. */
import type { Process } from "../kernel/process.ts"
import type { Side } from "./connection.ts"

/** Gives its release. A process that is killed leaves a reset where something was not read, else a plain close; a power cut leaves silence. */
export const hold = <Out, In>(process: Process, side: Side<Out, In>): (() => void) =>
  process.atEnd((end) => {
    if (end._tag === "PowerCut") side.vanish()
    else side.close(side.unread() > 0 ? "reset" : "close")
  })
