/** Both ends of the wire: the agent here, and the master it reports to. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import type { AgentSettings } from "../../domain/agentSettings.ts"
import { path } from "../../domain/protocol.ts"
import { agentPath } from "../../domain/topology/wire.ts"
import { Transport } from "../../services/Transport.ts"
import { Ourselves } from "../ourselves.ts"
import { addressOf, starts, wordsOfHttp } from "../receiver/door.ts"
import { type Finding, green, red, yellow } from "../row.ts"
import { running } from "../service.ts"
import { word } from "../shell.ts"

type Status = number | { readonly error: string }

const statusOf = (client: HttpClient.HttpClient, url: string): Effect.Effect<Status> =>
  client.get(url).pipe(
    Effect.map(({ status }): Status => status),
    Effect.catch((error: HttpClientError) => Effect.succeed({ error: wordsOfHttp(error) })),
    Effect.scoped
  )

export const judgeAgent = (status: Status, start: string, ask: string): Finding => {
  if (typeof status !== "number") return red(`does not answer: ${status.error}`, start)
  return status === 200 ? green("answers") : red(`HTTP status ${status}: something else answers there`, ask)
}

export const lookAtAgent = Effect.fnUntraced(function* ({ listen, tls }: AgentSettings) {
  const { command, program } = yield* Ourselves
  const address = addressOf(listen, tls.cert !== undefined)
  if (address === undefined) return [yellow(`cannot be asked: ${listen} names no port`, `systemctl status ${program}`)]
  const { unix_socket, url } = address
  const transport = yield* Transport
  // It is asked at home, not by the name that its certificate is for.
  const client = yield* transport.client({ verify_tls: false, ...(unix_socket !== undefined && { unix_socket }) })
  const socket = unix_socket === undefined ? "" : `--unix-socket ${word(unix_socket)} `
  const ask = `curl -sS ${tls.cert === undefined ? "" : "-k "}${socket}${word(`${url}${agentPath.health}`)}`
  const status = yield* statusOf(client, `${url}${agentPath.health}`)
  return [judgeAgent(status, starts[yield* running](program, command("run")), ask)]
}, Effect.scoped)

/** One that cannot store now is a master all the same. */
export const judgeMaster = (status: Status, ask: string): Finding => {
  if (typeof status !== "number") return red(`does not answer: ${status.error}`, ask)
  return status === 200 || status === 503 ? green("answers") : red(`HTTP status ${status}: this is no master`, ask)
}

export const lookAtMaster = Effect.fnUntraced(function* ({ master }: AgentSettings) {
  const transport = yield* Transport
  const client = yield* transport.client(master)
  const url = `${master.url}${path.health}`
  const ca = master.ca_bundle === undefined ? "" : `--cacert ${word(master.ca_bundle)} `
  return [judgeMaster(yield* statusOf(client, url), `curl -v ${ca}${word(url)}`)]
}, Effect.scoped)
