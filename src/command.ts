import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Stream from "effect/Stream"

export interface Said {
  readonly code: number
  readonly stdout: string
  /** At most 4,000 characters. */
  readonly stderr: string
}

const STDERR_CHARACTERS = 4000

const text = (bytes: Stream.Stream<Uint8Array, PlatformError>) => Stream.mkString(Stream.decodeText(bytes))

/** The first so many characters; the rest is read and dropped, so that the writer never waits. */
const beginning = (bytes: Stream.Stream<Uint8Array, PlatformError>) =>
  Stream.runFold(
    Stream.decodeText(bytes),
    () => "",
    (before: string, more: string) => (before + more).slice(0, STDERR_CHARACTERS)
  )

/**
 * What a program of the system says, in the C locale and with nothing to read. `environment` goes on top of ours; `undefined` takes
 * a variable away. It is killed when nobody waits for it any more.
 */
export const command = Effect.fnUntraced(function* (
  program: string,
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string | undefined>>
) {
  const spawner = yield* ChildProcessSpawner
  const running = yield* spawner.spawn(
    ChildProcess.make(program, args, {
      env: { LC_ALL: "C", ...environment },
      extendEnv: true,
      stdin: "ignore",
      forceKillAfter: "1 second"
    })
  )
  const [stdout, stderr, code] = yield* Effect.all(
    [text(running.stdout), beginning(running.stderr), running.exitCode],
    { concurrency: 3 }
  )
  return { code, stdout, stderr } satisfies Said as Said
}, Effect.scoped)
