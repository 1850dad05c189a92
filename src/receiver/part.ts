import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import type { Problem } from "../domain/protocol.ts"
import * as durable from "../durable.ts"
import { wordsOf } from "../systemError.ts"
import { Fatal, orEndProgram } from "./Fatal.ts"
import { incomingPath } from "./storePaths.ts"
import type { Names } from "./target.ts"
import { cannotStore } from "./trouble.ts"

/** A file in `incoming/`, under a name no other upload has. */
export interface Part {
  readonly path: string
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, Problem>
  readonly sync: Effect.Effect<void, never, Fatal>
  /** From now on the file is the dataset's to remove. */
  readonly handOver: Effect.Effect<void>
}

/** What a disk that does not do as it is told means for an upload. */
export const diskProblem = (error: PlatformError): Effect.Effect<never, Problem> =>
  Effect.andThen(
    Effect.logError(`an upload cannot be written: ${wordsOf(error)}`),
    Effect.fail({ ...cannotStore(error), remediation: "nothing was kept; send it again later" })
  )

export const randomName = Effect.map(Effect.all([Random.nextInt, Random.nextInt]), (numbers) =>
  numbers.map((number) => Math.abs(number).toString(36)).join("")
)

/** Creates the file; it is removed when the scope closes, unless it was handed over. */
export const openPart = (
  directory: string,
  names: Names
): Effect.Effect<Part, Problem, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = incomingPath(directory, names, yield* randomName)
    let ours = true
    const remove = Effect.suspend(() => (ours ? fs.remove(path, { force: true }) : Effect.void)).pipe(
      Effect.catch((error) => Effect.logWarning(`an abandoned upload is left behind: ${error.message}`))
    )
    yield* Scope.addFinalizer(yield* Effect.scope, remove)
    const file = yield* fs.open(path, { flag: "wx", mode: 0o600, noFollow: true }).pipe(Effect.catch(diskProblem))
    return {
      path,
      write: (bytes) => file.writeAll(bytes).pipe(Effect.catch(diskProblem)),
      sync: orEndProgram(durable.syncFile(file)),
      handOver: Effect.sync(() => {
        ours = false
      })
    }
  })
