/** The agents, as the master sees them: what it tells them, and what they answer. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import { evidenceIn } from "../../domain/connection/Evidence.ts"
import { connectionTrouble } from "../../domain/connectionTrouble.ts"
import type { HostId } from "../../domain/names.ts"
import { judgeAnswer, type Outcome } from "../../domain/topology/answer.ts"
import type { Command } from "../../domain/topology/plan.ts"
import { agentPath } from "../../domain/topology/wire.ts"
import { limitedJson } from "../../http/limited.ts"
import { type TlsFiles, Transport } from "../../services/Transport.ts"
import { readToken } from "../../token.ts"

/** Where an agent is and how to get in, as the operator says. */
export interface AgentAddress {
  readonly hostId: HostId
  readonly url: string
  /** Read for each request, so that a renewed one is used without a restart. */
  readonly tokenFile: string | undefined
  readonly tls: TlsFiles
}

export class Agents extends Context.Service<
  Agents,
  {
    /** The hosts that are known. */
    readonly hosts: ReadonlySet<HostId>
    readonly tell: (hostId: HostId, command: Command, generation: number) => Effect.Effect<Outcome>
  }
>()("cis490/receiver/master/Agents") {}

/** Starting many containers takes its time; what takes longer is told again, and found done. */
const PATIENCE_SECONDS = 300
/** Longer answers are not an agent's. */
const ANSWER_LIMIT_BYTES = 1024 * 1024

const requestFor = (url: string, command: Command, generation: number): HttpClientRequest.HttpClientRequest =>
  command._tag === "Apply"
    ? HttpClientRequest.post(`${url}${agentPath.apply}`).pipe(
        HttpClientRequest.bodyJsonUnsafe({
          hydrated: command.hydrated,
          version_hash: command.versionHash,
          generation
        })
      )
    : HttpClientRequest.post(`${url}${agentPath.teardown}`).pipe(
        HttpClientRequest.bodyJsonUnsafe({ topology_id: command.topologyId, generation })
      )

const readAnswer = (response: HttpClientResponse) =>
  Effect.map(limitedJson(response, ANSWER_LIMIT_BYTES), (body) => judgeAnswer(response.status, body))

const unreached = (error: string): Outcome => ({ _tag: "Unreached", error })

const unanswered = ({ message, reason: { cause } }: HttpClientError, url: string) =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const code = Predicate.hasProperty(cause, "code") ? String(cause.code) : undefined
    const own = Predicate.isError(cause) && cause.message !== "" ? cause.message : message
    const { words } = connectionTrouble({ url, now, code, evidence: evidenceIn(cause), message: own })
    return unreached(code === undefined || words.includes(code) ? words : `${words} (${code})`)
  })

const authorised = Effect.fnUntraced(function* (
  request: HttpClientRequest.HttpClientRequest,
  file: string | undefined
) {
  return file === undefined ? request : HttpClientRequest.bearerToken(request, yield* readToken(file))
})

const exchange = Effect.fnUntraced(function* (
  client: HttpClient.HttpClient,
  { tokenFile, url }: AgentAddress,
  command: Command,
  generation: number
) {
  const request = yield* authorised(requestFor(url, command, generation), tokenFile)
  return yield* client.execute(request).pipe(
    Effect.flatMap(readAnswer),
    Effect.catch((error) => unanswered(error, url)),
    Effect.timeoutOrElse({
      duration: PATIENCE_SECONDS * 1000,
      orElse: () => Effect.succeed(unreached(`no answer within ${PATIENCE_SECONDS} s`))
    })
  )
})

/** A client for each: what one agent is shown is no business of another's. */
export const layer = (
  addresses: ReadonlyArray<AgentAddress>
): Layer.Layer<Agents, never, FileSystem.FileSystem | Transport> =>
  Layer.effect(
    Agents,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const transport = yield* Transport
      const known = yield* Effect.forEach(addresses, (address) =>
        Effect.map(transport.client(address.tls), (client) => [address.hostId, { address, client }] as const)
      )
      const byHost = new Map(known)

      const tell = (hostId: HostId, command: Command, generation: number): Effect.Effect<Outcome> => {
        const agent = byHost.get(hostId)
        if (agent === undefined) return Effect.succeed(unreached(`there is no [fleet.${hostId}] in receiver.toml`))
        return exchange(agent.client, agent.address, command, generation).pipe(
          Effect.catchTag("TokenError", ({ message }) => Effect.succeed(unreached(message))),
          Effect.provideService(FileSystem.FileSystem, fs)
        )
      }
      return { hosts: new Set(byHost.keys()), tell }
    })
  )
