/** Both ends of the wire: the agent here, and the master it reports to. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import { Host } from "../../agent/host.ts"
import { type Heard, Master, tell } from "../../agent/Master.ts"
import { tokenOf } from "../../agent/ways.ts"
import type { AgentSettings } from "../../domain/agentSettings.ts"
import { path } from "../../domain/protocol.ts"
import { agentPath } from "../../domain/topology/wire.ts"
import { Transport } from "../../services/Transport.ts"
import { unlessClosed } from "../closedTo.ts"
import { Ourselves } from "../ourselves.ts"
import { addressOf, starts, wordsOfHttp } from "../receiver/door.ts"
import { type Finding, green, red, yellow } from "../row.ts"
import { running } from "../service.ts"
import { elsewhere, word, words } from "../shell.ts"
import { tokenMend } from "../tokenMend.ts"
import { unreachedMend } from "../unreached.ts"

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

interface MasterMends {
  readonly ask: string
  /** What mends it that the master is away, by the words of why. */
  readonly reach: (why: string) => string
  /** Opens what says who this host is. */
  readonly edit: string
  /** At the master. */
  readonly makeKnown: string
}

/** Why it refuses is in its own words; where that is mended is not. */
export const judgeMaster = (heard: Heard, { ask, edit, makeKnown, reach }: MasterMends): Finding => {
  if (heard._tag === "Taken") return green("takes our heartbeats")
  if (heard._tag === "Away") return red(`cannot be told how this host is: ${heard.words}`, reach(heard.words))
  const found = `refuses our heartbeats: ${heard.words}`
  if (heard.problem === undefined) return red(found, ask)
  return red(found, heard.problem === "unknown-host" ? makeKnown : edit)
}

/** A dry run: doctor may see what the agent does not, and a host whose agent is gone must not seem alive. */
export const lookAtMaster = Effect.fnUntraced(function* ({ host_id, master }: AgentSettings) {
  const { asRoot, configFile } = yield* Ourselves
  const { version } = yield* Host
  const token = yield* Effect.result(tokenOf(master))
  const tokenFile = master.bearer_token_file
  if (token._tag === "Failure") {
    const mend = tokenMend(token.failure.message, tokenFile ?? configFile, asRoot("doctor"))
    return [red(`cannot be asked: ${token.failure.message}`, mend)]
  }
  const transport = yield* Transport
  const client = yield* transport.client(master)
  const heard = yield* tell({ host_id, agent_version: version, topology: null }, true).pipe(
    Effect.provideService(HttpClient.HttpClient, client),
    Effect.provideService(Master, { url: master.url, token: Effect.succeed(token.success) })
  )
  const ca = master.ca_bundle === undefined ? "" : `--cacert ${word(master.ca_bundle)} `
  const ask = `curl -v ${ca}${word(`${master.url}${path.health}`)}`
  const mends = {
    ask,
    reach: (why: string) => unreachedMend(why, { url: master.url, configFile, otherwise: ask }),
    edit: `sudoedit ${words([configFile, ...(tokenFile === undefined ? [] : [tokenFile])])}`,
    makeKnown: elsewhere("the master", "sudoedit /etc/cis490/receiver.toml && sudo systemctl restart cis490-receiver")
  }
  return [yield* unlessClosed([tokenFile], judgeMaster(heard, mends))]
}, Effect.scoped)
