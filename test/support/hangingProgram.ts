/** A program that hangs as one does on a dead disk: in a call on a thread, which nothing interrupts. Its argument is a FIFO nobody writes to. */
import * as NodeFs from "node:fs"
import * as Effect from "effect/Effect"
import { inTime } from "../../layers/Ending.ts"
import { onThread } from "../../layers/localDisk/onThread.ts"
import { runProgram, services } from "../../layers/program.ts"

const [, , fifo = ""] = process.argv
const hanging = onThread("open", fifo, 0, (done) => NodeFs.open(fifo, "r", done))

runProgram("hanging", inTime(Effect.andThen(Effect.logInfo("started"), hanging)), services)
