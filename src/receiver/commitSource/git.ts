/** A branch in a checkout or a bare repository on this machine, whoever owns it, by git 2.38 or newer. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { command } from "../../command.ts"
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
/** Of what git says is wrong. */
const WORDS_CHARACTERS = 500

/** Nobody is asked for a password, nothing is fetched, and no repository but the one at the path is looked at. */
const ENVIRONMENT = {
  GIT_TERMINAL_PROMPT: "0",
  GIT_NO_LAZY_FETCH: "1",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_DIR: undefined,
  GIT_WORK_TREE: undefined,
  GIT_COMMON_DIR: undefined,
  GIT_OBJECT_DIRECTORY: undefined,
  GIT_INDEX_FILE: undefined,
  GIT_NAMESPACE: undefined
}

const firstLine = (text: string): string => (text.trim().split("\n")[0] ?? "").slice(0, WORDS_CHARACTERS)

export const make = Effect.fnUntraced(function* (git: Git) {
  const spawner = yield* ChildProcessSpawner
  const failed = (words: string) => new SourceFailed({ source: NAME, message: `git in ${git.path}: ${words}` })

  const lines = Effect.fnUntraced(
    function* (args: ReadonlyArray<string>) {
      // Safe, whoever owns it: of what the repository configures, nothing below runs a program.
      const safe = ["-c", "safe.directory=*", "--no-pager", "-C", git.path]
      const { code, stderr, stdout } = yield* command("git", [...safe, ...args], ENVIRONMENT)
      if (code !== 0) return yield* failed(firstLine(stderr) || `it ended with ${code}`)
      return stdout.split("\n").filter((line) => line !== "")
    },
    Effect.provideService(ChildProcessSpawner, spawner),
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
