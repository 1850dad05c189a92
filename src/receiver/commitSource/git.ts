/** A branch in a checkout or a bare repository on this machine, whoever owns it, by git 2.38 or newer. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { PlatformError } from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Stream from "effect/Stream"
import { isCommit } from "../../domain/names.ts"
import { CommitSource, type CommitWindow, SourceFailed } from "../../services/CommitSource.ts"
import { codeOf, wordsOf } from "../../systemError.ts"

export interface Git {
  readonly path: string
  /** A local branch of this name, else what was last fetched of `origin`'s. */
  readonly branch: string
  /** Commits. */
  readonly window: number
}

const NAME = "git"
const STDERR_CHARACTERS = 1000

/** Nobody is asked for a password, nothing is fetched, and no repository but the one at the path is looked at. */
const ENVIRONMENT = {
  GIT_TERMINAL_PROMPT: "0",
  GIT_NO_LAZY_FETCH: "1",
  GIT_OPTIONAL_LOCKS: "0",
  LC_ALL: "C",
  GIT_DIR: undefined,
  GIT_WORK_TREE: undefined,
  GIT_COMMON_DIR: undefined,
  GIT_OBJECT_DIRECTORY: undefined,
  GIT_INDEX_FILE: undefined,
  GIT_NAMESPACE: undefined
}

const text = (bytes: Stream.Stream<Uint8Array, PlatformError>) => Stream.mkString(Stream.decodeText(bytes))

/** The first so many characters; the rest is read and dropped, so that the writer never waits. */
const beginning = (bytes: Stream.Stream<Uint8Array, PlatformError>) =>
  Stream.runFold(
    Stream.decodeText(bytes),
    () => "",
    (before: string, more: string) => (before + more).slice(0, STDERR_CHARACTERS)
  )

export const make = Effect.fnUntraced(function* (git: Git) {
  const spawner = yield* ChildProcessSpawner
  const failed = (words: string) => new SourceFailed({ source: NAME, message: `git in ${git.path}: ${words}` })

  const lines = Effect.fnUntraced(
    function* (args: ReadonlyArray<string>) {
      // Safe, whoever owns it: of what the repository configures, nothing below runs a program.
      const command = ["-c", "safe.directory=*", "--no-pager", "-C", git.path, ...args]
      const running = yield* spawner.spawn(
        ChildProcess.make("git", command, {
          env: ENVIRONMENT,
          extendEnv: true,
          stdin: "ignore",
          forceKillAfter: "1 second"
        })
      )
      const [stdout, stderr, code] = yield* Effect.all(
        [text(running.stdout), beginning(running.stderr), running.exitCode],
        {
          concurrency: 3
        }
      )
      if (code !== 0) return yield* failed(stderr.trim().split("\n")[0] || `it ended with ${code}`)
      return stdout.split("\n").filter((line) => line !== "")
    },
    Effect.scoped,
    Effect.catchTag("PlatformError", (error) =>
      Effect.fail(failed(codeOf(error) === "ENOENT" ? "the program git cannot be found" : wordsOf(error)))
    )
  )

  const window = Effect.gen(function* () {
    const refs = [`refs/heads/${git.branch}`, `refs/remotes/origin/${git.branch}`]
    const [tip] = yield* lines(["for-each-ref", "--format=%(objectname)", ...refs])
    if (tip === undefined) return yield* failed(`there is no branch ${git.branch}, neither local nor of origin`)
    const log = yield* lines(["log", "-n", String(git.window), "--no-show-signature", "--format=%H", tip, "--"])
    const [newest, ...older] = log.filter(isCommit)
    if (newest === undefined || older.length + 1 !== log.length)
      return yield* failed("what git log says are no commits")
    const commits = [newest, ...older] as const
    if (log.length >= git.window) return { commits } satisfies CommitWindow
    const [shallow] = yield* lines(["rev-parse", "--is-shallow-repository"])
    return shallow === "true" ? { commits, shortfall: shortfall(commits.length) } : { commits }
  })

  const shortfall = (known: number): string =>
    `the checkout ${git.path} is shallow and knows ${known} of the last ${git.window} commits; \`git -C ${git.path} fetch --unshallow\` mends it`

  return CommitSource.of({ name: NAME, window })
})

export const layer = (git: Git): Layer.Layer<CommitSource, never, ChildProcessSpawner> =>
  Layer.effect(CommitSource, make(git))
