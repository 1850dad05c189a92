/** Questions to the receiver that runs here, as its operator. */
import * as Effect from "effect/Effect"
import type { HttpClientError } from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Request from "effect/http/HttpClientRequest"
import * as Predicate from "effect/Predicate"
import { addressOf } from "../../doctor/receiver/door.ts"
import { parseForeignJson } from "../../domain/json.ts"
import type { ReceiverSettings } from "../../domain/receiverSettings.ts"
import { lockPath } from "../../receiver/storePaths.ts"
import { Transport } from "../../services/Transport.ts"
import { Volume } from "../../services/Volume.ts"
import { readToken } from "../../token.ts"
import { attention, configurationFault } from "../exit.ts"

const NO_TOKEN =
  "auth.admin_token_file is not set in receiver.toml, and without an admin token nobody commands: openssl rand -hex 24 | sudo install -m 600 -o cis490 -g cis490 /dev/stdin /etc/cis490/admin-token, set it, and restart the receiver"

const adminToken = Effect.fnUntraced(function* ({ admin_token, admin_token_file }: ReceiverSettings["auth"]) {
  if (admin_token_file !== undefined) {
    return yield* Effect.catchTag(readToken(admin_token_file), "TokenError", ({ message }) => attention(message))
  }
  return admin_token ?? (yield* configurationFault(NO_TOKEN))
})

/** Nothing is sent, and the token least of all, unless a receiver of ours is there to take it. */
const mustRun = Effect.fnUntraced(function* ({ paths }: ReceiverSettings) {
  const volume = yield* Volume
  const holder = yield* volume.lockHolder(lockPath(paths.store_root)).pipe(
    Effect.catchIf(
      (error) => error.reason._tag === "NotFound",
      () => Effect.undefined
    )
  )
  if (holder === undefined) {
    return yield* attention("the receiver does not run here: sudo systemctl start cis490-receiver, then try again")
  }
})

const whyNot = ({ message, reason: { cause } }: HttpClientError): string =>
  Predicate.isError(cause) && cause.message !== "" ? cause.message : message

const errorIn = (status: number, body: unknown): string => {
  const of = (name: string) => (Predicate.hasProperty(body, name) ? String(body[name]) : undefined)
  const mend = of("remediation")
  return `${of("error") ?? `the receiver answers with HTTP status ${status}`}${mend === undefined ? "" : `\nto mend: ${mend}`}`
}

/** Asks, and gives what was answered as JSON. Whatever else comes of it is said in words, and ends with 1. */
export const askReceiver = Effect.fnUntraced(function* (
  settings: ReceiverSettings,
  make: (url: string) => HttpClientRequest.HttpClientRequest
) {
  const token = yield* adminToken(settings.auth)
  yield* mustRun(settings)
  const address = addressOf(settings.listen, settings.tls.cert !== undefined)
  if (address === undefined) return yield* attention(`listen = "${settings.listen}" names no port to ask at`)
  const transport = yield* Transport
  const { unix_socket, url } = address
  // It is asked at home, not by the name that its certificate is for.
  const client = yield* transport.client({ verify_tls: false, ...(unix_socket !== undefined && { unix_socket }) })
  const { status, text } = yield* client.execute(Request.bearerToken(make(url), token)).pipe(
    Effect.flatMap((response) => Effect.map(response.text, (text) => ({ status: response.status, text }))),
    Effect.timeoutOrElse({
      duration: "30 seconds",
      orElse: () => attention("the receiver does not answer within 30 s")
    }),
    Effect.catchTag("HttpClientError", (error) => attention(`the receiver does not answer at ${url}: ${whyNot(error)}`))
  )
  const body = parseForeignJson(text)
  return status === 200 ? body : yield* attention(errorIn(status, body))
}, Effect.scoped)
