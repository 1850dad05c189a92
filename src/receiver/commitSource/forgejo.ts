/** A branch on a Forgejo or Gitea server, by its API: `GET /repos/{owner}/{repo}/commits`. */
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { Commit } from "../../domain/names.ts"
import { limitedText } from "../../http/limited.ts"
import { CommitSource, type CommitWindow, SourceFailed } from "../../services/CommitSource.ts"

export interface Forgejo {
  /** Without a `/` at the end. */
  readonly url: string
  readonly owner: string
  readonly repository: string
  readonly branch: string
  /** Commits. */
  readonly window: number
  /** Read anew for every window, so that a renewed token file is used without a restart. */
  readonly token: Effect.Effect<Redacted.Redacted | undefined, SourceFailed>
}

const NAME = "forgejo"
/** No server gives more at once by default than 50, whatever is asked for. */
const PAGE = 100
const PAGE_BYTES = 8 * 1024 * 1024
const CALL_MILLIS = 10_000

interface Page {
  readonly commits: ReadonlyArray<Commit>
  /** Whether more follow; `undefined` when the server does not say. */
  readonly more: (collected: number) => boolean | undefined
}

const causeWords = (error: HttpClientError.HttpClientError): string => {
  const { cause } = error.reason
  const code = Predicate.isObject(cause) && Predicate.isString(cause.code) ? ` (${cause.code})` : ""
  return `${Predicate.isError(cause) && cause.message !== "" ? cause.message : error.message}${code}`
}

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Array(Schema.Struct({ sha: Commit }))))

const moreAfter =
  ({ headers }: HttpClientResponse.HttpClientResponse): Page["more"] =>
  (collected) => {
    const field = (name: string) => Option.getOrUndefined(Headers.get(headers, name))
    const hasMore = field("x-hasmore")
    if (hasMore === "true" || hasMore === "false") return hasMore === "true"
    const total = field("x-total-count")
    if (total !== undefined && /^\d+$/.test(total)) return collected < Number(total)
    return field("link")?.includes('rel="next"')
  }

export const make = Effect.fnUntraced(function* (forgejo: Forgejo) {
  const client = yield* HttpClient.HttpClient
  const repository = `${forgejo.owner}/${forgejo.repository}`
  const address = `${forgejo.url}/api/v1/repos/${repository}/commits`

  const failed = (words: string) => new SourceFailed({ source: NAME, message: `${forgejo.url}: ${words}` })

  const refused = (status: number, withToken: boolean): string => {
    if (status === 401 || status === 403) {
      return withToken
        ? "version_gate.auth_token is not accepted"
        : "it wants a token: set version_gate.auth_token_file"
    }
    if (status === 404) {
      return `no repository ${repository} with a branch ${forgejo.branch}, or not for ${withToken ? "this token" : "those without a token"}`
    }
    if (status === 409) return `the repository ${repository} is empty`
    return status >= 300 && status < 400
      ? "a redirect, which is not followed; mend version_gate.forgejo_url"
      : "no commits"
  }

  const bodyOf = Effect.fnUntraced(function* (response: HttpClientResponse.HttpClientResponse) {
    const text = yield* limitedText(response, PAGE_BYTES)
    return text ?? (yield* failed(`a page of commits has more than ${PAGE_BYTES} bytes`))
  })

  const ask = Effect.fnUntraced(
    function* (token: Redacted.Redacted | undefined, sha: string, page: number) {
      const request = HttpClientRequest.get(address).pipe(
        HttpClientRequest.setUrlParams({
          sha,
          page: String(page),
          limit: String(Math.min(forgejo.window, PAGE)),
          stat: "false",
          verification: "false",
          files: "false"
        }),
        HttpClientRequest.setHeaders({
          accept: "application/json",
          ...(token && { authorization: `token ${Redacted.value(token)}` })
        })
      )
      const response = yield* client.execute(request)
      if (response.status !== 200) {
        return yield* failed(`HTTP status ${response.status}: ${refused(response.status, token !== undefined)}`)
      }
      const listed = yield* Effect.mapError(decode(yield* bodyOf(response)), () =>
        failed("its answer is no list of commits")
      )
      return { commits: listed.map((commit) => commit.sha), more: moreAfter(response) } satisfies Page
    },
    Effect.catchTag("HttpClientError", (error) => Effect.fail(failed(causeWords(error)))),
    Effect.timeoutOrElse({
      duration: CALL_MILLIS,
      orElse: () => Effect.fail(failed(`no answer within ${CALL_MILLIS / 1000} s`))
    })
  )

  const window = Effect.gen(function* () {
    const token = yield* forgejo.token
    const collected = new Set<Commit>()
    let from: string = forgejo.branch
    for (let number = 1; ; number++) {
      const page = yield* ask(token, from, number)
      const before = collected.size
      for (const commit of page.commits) collected.add(commit)
      const more = page.more(collected.size)
      if (collected.size >= forgejo.window || more === false) break
      if (collected.size === before) {
        if (more === undefined) break
        return yield* failed(`page ${number} of the commits brings nothing new, though more are said to follow`)
      }
      // The next pages count from the same commit, also when the branch moves on in between.
      from = page.commits[0] !== undefined && number === 1 ? page.commits[0] : from
    }
    const [newest, ...older] = [...collected].slice(0, forgejo.window)
    if (newest === undefined) return yield* failed(`branch ${forgejo.branch} of ${repository} has no commits`)
    return { commits: [newest, ...older] } satisfies CommitWindow
  })

  return CommitSource.of({ name: NAME, window })
})

/** The client follows no redirect. */
export const layer = (forgejo: Forgejo): Layer.Layer<CommitSource, never, HttpClient.HttpClient> =>
  Layer.effect(CommitSource, make(forgejo))
