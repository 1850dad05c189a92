/** The gate's source, asked now: not what a running receiver remembers. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ReceiverSettings } from "../../domain/receiverSettings.ts"
import { withDeadline } from "../../receiver/commitSource/deadline.ts"
import type { CommitSource, CommitWindow, SourceFailed } from "../../services/CommitSource.ts"
import { type Finding, green, red, yellow } from "../row.ts"
import { asOwnerOf, word } from "../shell.ts"
import { tokenMend } from "../tokenMend.ts"

type Settings = ReceiverSettings["version_gate"]
type Answer = Result.Result<CommitWindow, SourceFailed>

export interface Sources {
  readonly first: CommitSource["Service"]
  readonly fallback: CommitSource["Service"] | undefined
}

/** What was asked, and what it came to. */
export interface Asked {
  readonly first: { readonly name: string; readonly answer: Answer }
  /** Absent when it was not needed, or there is none. */
  readonly fallback?: { readonly name: string; readonly answer: Answer }
}

export interface GateMends {
  /** Looks again as a user who may. */
  readonly asRoot: string
  /** Opens the configuration. */
  readonly edit: string
  readonly settings: Pick<
    Settings,
    "forgejo_url" | "auth_token_file" | "branch" | "repo_owner" | "repo_name" | "window"
  >
  readonly repoPath: string
}

const inWords = (name: string, { commits }: CommitWindow, window: number): string =>
  `${name}: ${commits.length} of the last ${window} commits, head ${commits[0].slice(0, 12)}`

/** Words by which a source says that the configuration is to be mended, or the token file. */
const closer = (why: string, { asRoot, edit, repoPath, settings }: GateMends): string => {
  const { auth_token_file, branch, forgejo_url, repo_name, repo_owner } = settings
  if (auth_token_file !== undefined && /auth_token|token file/.test(why)) return tokenMend(why, auth_token_file, asRoot)
  if (/auth_token|redirect|no repository/.test(why)) return edit
  return forgejo_url === undefined
    ? `git -c safe.directory='*' -C ${word(repoPath)} log -1 --format=%H ${word(branch)}`
    : `curl -sS ${word(`${forgejo_url}/api/v1/repos/${repo_owner}/${repo_name}/commits?sha=${encodeURIComponent(branch)}&limit=1`)}`
}

export const judgeGate = ({ fallback, first }: Asked, mends: GateMends): Finding => {
  const { window } = mends.settings
  if (Result.isSuccess(first.answer)) {
    const { shortfall } = first.answer.success
    const found = inWords(first.name, first.answer.success, window)
    return shortfall === undefined
      ? green(found)
      : yellow(
          `${found}; ${shortfall}`,
          `${asOwnerOf(mends.repoPath)} git -C ${word(mends.repoPath)} fetch --unshallow`
        )
  }
  const why = first.answer.failure.message
  if (fallback !== undefined && Result.isSuccess(fallback.answer)) {
    return yellow(
      `${first.name} gives nothing (${why}); on the fallback, ${inWords(fallback.name, fallback.answer.success, window)}, code it does not know is put off`,
      closer(why, mends)
    )
  }
  const also = fallback !== undefined && Result.isFailure(fallback.answer) ? `; ${fallback.answer.failure.message}` : ""
  return red(`no source gives the allowed commits: ${why}${also}`, closer(why, mends))
}

export const gateOff = (edit: string): Finding =>
  yellow("off: episodes of any code are taken in (version_gate.enabled = false)", edit)

export const gateWithout = (edit: string): Finding =>
  red("there is no source of the allowed commits: set version_gate.forgejo_url or version_gate.repo_path", edit)

const FIRST_MILLIS = 5000
const FALLBACK_MILLIS = 3000

export const askSources = Effect.fnUntraced(function* ({ fallback, first }: Sources) {
  const answer = yield* Effect.result(withDeadline(first, FIRST_MILLIS).window)
  const asked = { name: first.name, answer }
  if (Result.isSuccess(answer) || fallback === undefined) return { first: asked } satisfies Asked as Asked
  const second = yield* Effect.result(withDeadline(fallback, FALLBACK_MILLIS).window)
  return { first: asked, fallback: { name: fallback.name, answer: second } } satisfies Asked as Asked
})
