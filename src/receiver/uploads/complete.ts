import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import type { Problem } from "../../domain/protocol.ts"
import { checkedReport } from "../arrived.ts"
import { readPieces } from "../examine.ts"
import { Gate } from "../gate.ts"
import { Intake } from "../intake.ts"
import { randomName } from "../part.ts"
import { type Announcement, ask } from "../questions.ts"
import { incomingPath } from "../storePaths.ts"
import type { Check, Checks } from "./checks.ts"
import { orLater } from "./dataFile.ts"
import { dataPath } from "./paths.ts"
import type { Upload } from "./Upload.ts"

/** How long the gate may think about an upload that is whole, before its client is told to ask again. Milliseconds. */
const GATE_MILLIS = 8000

const gateIsSlow: Problem = {
  problem: "commit-unknown",
  error: "whether the code commit is allowed could not be found out in time; ask again",
  retryAfter: 5
}

/**
 * The questions of the beginning, asked again: much may have changed since. The bytes are there, so that there is nobody to wait for
 * and no room to be found.
 */
const askAgain = Effect.fnUntraced(function* (announced: Announcement) {
  const asking = yield* Effect.forkChild(Effect.interruptible(ask(announced, () => Effect.void)))
  return yield* Fiber.join(asking).pipe(
    Effect.timeoutOrElse({
      duration: GATE_MILLIS,
      orElse: () => Effect.andThen(Fiber.interrupt(asking), Effect.fail(gateIsSlow))
    })
  )
})

/** The check that has seen every byte: the one that went along, or else the file is read once more. */
const wholeCheck = Effect.fnUntraced(function* (path: string, checks: Checks, upload: Upload) {
  const borrowed = yield* checks.borrow(upload)
  if (borrowed !== undefined) return borrowed
  const fresh: Check = yield* checks.anew(upload.announced)
  yield* orLater(readPieces(path, fresh.feed))
  return fresh
})

/**
 * Runs an upload whose bytes are all there through what a PUT goes through behind its body. Its own name stays in any case: who
 * called removes it, once there is an answer that will not change.
 */
export const complete = Effect.fnUntraced(function* (
  options: { readonly incoming: string; readonly directory: string; readonly checks: Checks },
  upload: Upload
) {
  const fs = yield* FileSystem.FileSystem
  const gate = yield* Gate
  const intake = yield* Intake
  const { announced, token } = upload
  const reply = yield* askAgain(announced)
  if (reply._tag === "Known") return reply.answer
  const path = dataPath(options.directory, token)
  const report = yield* Effect.scoped(
    Effect.gen(function* () {
      const check = yield* wholeCheck(path, options.checks, upload)
      return yield* checkedReport(check.arrived(), check.archive, announced, reply.isNew && gate.enabled)
    })
  )
  const arrival = incomingPath(options.incoming, announced, yield* randomName)
  yield* orLater(fs.link(path, arrival)).pipe(
    // What is said to have failed may be done all the same.
    Effect.tapError(() => Effect.ignore(fs.remove(arrival, { force: true })))
  )
  // A crash here leaves the upload, whole, and a second name for it in `incoming/`, as any upload that did not come to its end.
  return yield* intake.store(arrival, announced, report, reply.isNew)
})
