import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"

/** An empty directory that goes with the scope. */
export const scratchDirectory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "cis490-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)
