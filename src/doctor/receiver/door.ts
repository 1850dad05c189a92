/** Who may come in, and whether the running receiver answers. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as Predicate from "effect/Predicate"
import { parseForeignJson } from "../../domain/json.ts"
import { parseListen } from "../../domain/listen.ts"
import { path } from "../../domain/protocol.ts"
import type { ReceiverSettings } from "../../domain/receiverSettings.ts"
import { mayListen } from "../../receiver/auth.ts"
import { Transport } from "../../services/Transport.ts"
import { readToken } from "../../token.ts"
import { unlessClosed } from "../closedTo.ts"
import { Ourselves } from "../ourselves.ts"
import { type Finding, green, red, yellow } from "../row.ts"
import { running } from "../service.ts"
import { word } from "../shell.ts"
import { tokenMend } from "../tokenMend.ts"

/** What says who may write. */
export interface Keys {
  readonly shared: boolean
  /** Hosts with tokens of their own. */
  readonly hosts: number
  readonly certificates: boolean
  /** A proxy in front that says whose certificate it has seen. */
  readonly proxy: boolean
}

const named = ({ certificates, hosts, proxy, shared }: Keys): string =>
  [
    ...(shared ? ["a token for all hosts"] : []),
    ...(hosts > 0 ? [`tokens of ${hosts} host(s)`] : []),
    ...(certificates ? ["certificates"] : []),
    ...(proxy ? ["a proxy's word"] : [])
  ].join(", ")

export const judgeAuth = (listen: string, keys: Keys, edit: string): Finding => {
  const known = named(keys)
  const open = mayListen(listen, known !== "")
  if (open !== undefined) return red(open, edit)
  return green(known === "" ? "none, and none is needed where it listens" : known)
}

/** How hosts show who they are beside tokens, and why that cannot work as it is configured. */
export interface Connections extends Pick<Keys, "certificates" | "proxy"> {
  /** In words. */
  readonly contradiction: string | undefined
}

export const lookAtAuth = Effect.fnUntraced(function* ({ auth, listen }: ReceiverSettings, connections: Connections) {
  const { asRoot, configFile } = yield* Ourselves
  const edit = `sudoedit ${word(configFile)}`
  const { certificates, contradiction, proxy } = connections
  if (contradiction !== undefined) return [red(contradiction, edit)]
  for (const file of [auth.bearer_token_file, auth.admin_token_file]) {
    if (file === undefined) continue
    const why = yield* Effect.match(readToken(file), {
      onFailure: ({ message }) => message,
      onSuccess: () => undefined
    })
    if (why !== undefined) return [red(why, tokenMend(why, file, asRoot("doctor")))]
  }
  const keys = {
    shared: auth.bearer_token !== undefined || auth.bearer_token_file !== undefined,
    hosts: Object.values(auth.hosts).filter((tokens) => tokens.length > 0).length,
    certificates,
    proxy
  }
  return [yield* unlessClosed([auth.bearer_token_file, auth.admin_token_file], judgeAuth(listen, keys, edit))]
})

/** What the running receiver says of itself; no status when nothing answers. */
export interface Health {
  readonly status: number | undefined
  readonly error: string | undefined
}

export interface HealthMends {
  readonly start: string
  readonly ask: string
}

export const judgeHealth = ({ error, status }: Health, { ask, start }: HealthMends): Finding => {
  if (status === 200) return green("answers, and could store")
  if (status === undefined) return red(`does not answer: ${error ?? "no reason given"}`, start)
  return red(`cannot store now: ${error ?? `HTTP status ${status}`}`, ask)
}

/** An address that stands for all of them is asked at home. */
const homes: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" }

/** Where a receiver that listens there can be asked from here; `undefined` when only it knows its port. */
export const addressOf = (
  listen: string,
  secure: boolean
): { readonly url: string; readonly unix_socket?: string } | undefined => {
  const where = parseListen(listen)
  const scheme = secure ? "https" : "http"
  if (where === undefined) return undefined
  if (where._tag === "Unix") return { url: `${scheme}://localhost`, unix_socket: where.path }
  if (where.port === 0) return undefined
  const host = homes[where.host] ?? where.host
  return { url: `${scheme}://${host.includes(":") ? `[${host}]` : host}:${where.port}` }
}

export const wordsOfHttp = ({ message, reason: { cause } }: HttpClientError): string =>
  Predicate.isError(cause) && cause.message !== ""
    ? cause.message
    : Predicate.hasProperty(cause, "code")
      ? String(cause.code)
      : message

const readHealth = Effect.fnUntraced(function* (url: string) {
  const client = yield* HttpClient.HttpClient
  const response = yield* client.get(`${url}${path.health}`)
  const body = parseForeignJson(yield* response.text)
  const error = Predicate.isObject(body) && Predicate.isString(body.error) ? body.error : undefined
  const own = Predicate.isObject(body) && Predicate.isBoolean(body.ok)
  return { status: response.status, error: own ? error : `HTTP status ${response.status} that is not a receiver's own` }
})

const asHealth = (status: number, error: string | undefined): Health => ({ status, error })

/** What gets the program going, by whether it runs. */
export const starts: Readonly<Record<Effect.Success<typeof running>, (unit: string, byHand: string) => string>> = {
  running: (unit) => `sudo systemctl restart ${unit}`,
  stopped: (unit) => `sudo systemctl enable --now ${unit}`,
  unmanaged: (_, byHand) => byHand
}

export const lookAtHealth = Effect.fnUntraced(function* ({ listen, tls }: ReceiverSettings) {
  const { command, program } = yield* Ourselves
  const address = addressOf(listen, tls.cert !== undefined)
  if (address === undefined) return [yellow(`cannot be asked: ${listen} names no port`, `systemctl status ${program}`)]
  const transport = yield* Transport
  const { unix_socket, url } = address
  // It is asked at home, not by the name that its certificate is for.
  const client = yield* transport.client({ verify_tls: false, ...(unix_socket !== undefined && { unix_socket }) })
  const health = yield* readHealth(url).pipe(
    Effect.provideService(HttpClient.HttpClient, client),
    Effect.match({
      onFailure: (error): Health => ({ status: undefined, error: wordsOfHttp(error) }),
      onSuccess: ({ error, status }) => asHealth(error !== undefined && status === 200 ? 0 : status, error)
    })
  )
  const socket = unix_socket === undefined ? "" : `--unix-socket ${word(unix_socket)} `
  const insecure = tls.cert === undefined ? "" : "-k "
  return [
    judgeHealth(health, {
      start: starts[yield* running](program, command("run")),
      ask: `curl -sS ${insecure}${socket}${word(`${url}${path.health}`)}`
    })
  ]
}, Effect.scoped)
