/** One question to Docker's Engine API (docs.docker.com/reference/api/engine). */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Predicate from "effect/Predicate"
import { parseForeignJson } from "../../src/domain/json.ts"
import { EngineTrouble } from "../../src/services/Engine.ts"

/** Nobody's: the socket says who is asked. */
const ROOT = "http://docker"

export interface Answer {
  readonly status: number
  /** Its JSON; `undefined` when there is none. */
  readonly body: unknown
}

export interface Question {
  readonly method: "GET" | "POST" | "DELETE"
  /** With its query. */
  readonly path: string
  readonly body?: Readonly<Record<string, unknown>>
  readonly patience: Duration.Input
}

const words = (status: number, body: unknown): string =>
  Predicate.isObject(body) && Predicate.isString(body.message) ? body.message : `HTTP status ${status}`

export const refused = ({ body, status }: Answer): EngineTrouble =>
  new EngineTrouble({ why: "refused", message: words(status, body) })

const codeOf = (cause: unknown): string | undefined =>
  Predicate.isObject(cause) && Predicate.isString(cause.code) ? cause.code : undefined

const NOBODY: ReadonlySet<string> = new Set(["ENOENT", "ECONNREFUSED", "ENOTDIR"])
const DENIED: ReadonlySet<string> = new Set(["EACCES", "EPERM"])

const unasked =
  (socket: string, changes: boolean) =>
  ({ message, reason }: HttpClientError.HttpClientError): EngineTrouble => {
    const code = codeOf(reason.cause)
    if (code !== undefined && NOBODY.has(code)) {
      const mend = "start it (sudo systemctl start docker), or mend docker.socket in agent.toml"
      return new EngineTrouble({ why: "away", message: `no engine answers at ${socket} (${code}): ${mend}` })
    }
    if (code !== undefined && DENIED.has(code)) {
      const mend = "let this user in (sudo usermod -aG docker cis490) and start the agent again"
      return new EngineTrouble({ why: "denied", message: `this user may not use ${socket} (${code}): ${mend}` })
    }
    return new EngineTrouble({
      why: changes ? "unclear" : "away",
      message: `the engine at ${socket} did not answer to the end (${code ?? message})`
    })
  }

const silent = (socket: string, changes: boolean) => () =>
  Effect.fail(
    new EngineTrouble({
      why: changes ? "unclear" : "away",
      message: `the engine at ${socket} did not answer in time`
    })
  )

/** What the engine answers, whatever its status. */
export const makeAsk =
  (client: HttpClient.HttpClient, socket: string) =>
  ({ body, method, path, patience }: Question): Effect.Effect<Answer, EngineTrouble> => {
    const changes = method !== "GET"
    const bare = HttpClientRequest.make(method)(`${ROOT}${path}`)
    const request = body === undefined ? bare : HttpClientRequest.bodyJsonUnsafe(bare, body)
    return client.execute(request).pipe(
      Effect.flatMap((response) =>
        Effect.map(response.text, (text): Answer => ({ status: response.status, body: parseForeignJson(text) }))
      ),
      Effect.mapError(unasked(socket, changes)),
      Effect.timeoutOrElse({ duration: patience, orElse: silent(socket, changes) })
    )
  }
export type Ask = ReturnType<typeof makeAsk>
