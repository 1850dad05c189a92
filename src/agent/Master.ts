/** The master, as the agent sees it: whom it tells how it stands. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import { evidenceIn } from "../domain/connection/Evidence.ts"
import { connectionTrouble, inOneLine } from "../domain/connectionTrouble.ts"
import { parseForeignJson } from "../domain/json.ts"
import { header, path } from "../domain/protocol.ts"
import type { Heartbeat } from "../domain/topology/wire.ts"
import { limitedText } from "../http/limited.ts"
import type { TokenError } from "../token.ts"

/** Where the master is and how to get in. */
export class Master extends Context.Service<
  Master,
  {
    readonly url: string
    /** Read when it is needed, so that a renewed token file is used without a restart. */
    readonly token: Effect.Effect<Redacted.Redacted | undefined, TokenError>
  }
>()("cis490/agent/Master") {}

/** What became of a heartbeat. `words`: what is wrong and what mends it, on one line. */
export type Heard =
  | { readonly _tag: "Taken" }
  /** The master is there and will not have it. `problem`: its name for why; absent where it is not the master who says so. */
  | { readonly _tag: "Refused"; readonly words: string; readonly problem?: string | undefined }
  | { readonly _tag: "Away"; readonly words: string }

/** Longer answers are not the master's. */
const ANSWER_LIMIT_BYTES = 65_536
const PATIENCE_SECONDS = 20

/** The words are the shipper's, whose keys and file are called otherwise. */
const forAgent = (words: string): string =>
  words.replaceAll(/\breceiver\.(?!toml\b)(?=[a-z])/g, "master.").replaceAll("lab-host.toml", "agent.toml")

const textIn = (cause: unknown, member: "code" | "message"): string | undefined =>
  Predicate.hasProperty(cause, member) && Predicate.isString(cause[member]) && cause[member] !== ""
    ? cause[member]
    : undefined

const away = Effect.fnUntraced(function* ({ message, reason }: HttpClientError.HttpClientError, url: string) {
  const code = textIn(reason.cause, "code")
  const evidence = evidenceIn(reason.cause)
  const now = yield* Clock.currentTimeMillis
  const trouble = connectionTrouble({ url, now, code, evidence, message: textIn(reason.cause, "message") ?? message })
  const words = forAgent(inOneLine(trouble, evidence?.material === undefined ? code : undefined))
  return { _tag: "Away", words } satisfies Heard as Heard
})

const LONGEST = 500
const oneLine = (text: string): string => forAgent(text.replaceAll(/\s+/g, " ").slice(0, LONGEST))

const wordsIn = (text: string): string => {
  const body = parseForeignJson(text)
  if (!Predicate.isObject(body) || !Predicate.isString(body.error)) return "not in the master's own words"
  return Predicate.isString(body.remediation)
    ? `${oneLine(body.error)}; to mend: ${oneLine(body.remediation)}`
    : oneLine(body.error)
}

/** What the answer to a heartbeat says; `problem`: of its header. */
export const heardIn = (status: number, problem: string | undefined, text: string): Heard => {
  if (status === 204) return { _tag: "Taken" }
  const words = `HTTP status ${status}: ${wordsIn(text)}`
  return status >= 500 || status === 429 ? { _tag: "Away", words } : { _tag: "Refused", words, problem }
}

/** Tells the master, once; never fails. As a dry run it is only asked whether it would hear us. */
export const tell = Effect.fnUntraced(function* (words: Heartbeat, dryRun = false) {
  const client = yield* HttpClient.HttpClient
  const { token: readToken, url } = yield* Master
  const bare = HttpClientRequest.post(`${url}${path.heartbeat}`).pipe(
    HttpClientRequest.bodyJsonUnsafe(words),
    HttpClientRequest.setHeaders(dryRun ? { [header.dryRun]: "true" } : {})
  )
  return yield* readToken.pipe(
    Effect.map((token) => (token === undefined ? bare : HttpClientRequest.bearerToken(bare, token))),
    Effect.flatMap((request) => client.execute(request)),
    Effect.flatMap((response) =>
      // A 204 has no body to read.
      Effect.map(
        response.status === 204 ? Effect.succeed("") : limitedText(response, ANSWER_LIMIT_BYTES),
        (said = "") => heardIn(response.status, response.headers[header.problem], said)
      )
    ),
    Effect.catchTags({
      TokenError: ({ message }) => Effect.succeed<Heard>({ _tag: "Refused", words: message }),
      HttpClientError: (error) => away(error, url)
    }),
    Effect.timeoutOrElse({
      duration: `${PATIENCE_SECONDS} seconds`,
      orElse: () => Effect.succeed<Heard>({ _tag: "Away", words: `no answer within ${PATIENCE_SECONDS} s` })
    })
  )
})
