import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { bearerIn, sameDigest } from "../bearer.ts"
import { digestText } from "../digestText.ts"
import { isLocal } from "../domain/listen.ts"
import type { Sha256 } from "../domain/names.ts"
import type { Problem } from "../domain/protocol.ts"
import type { Codec } from "../services/Codec.ts"
import { Peer } from "../services/Peer.ts"
import { type Client, type Evidence, identify, type Ways } from "./identity.ts"

export interface Tokens {
  /** Writes as any host. */
  readonly shared: Redacted.Redacted | undefined
  /** By `host_id`; such a token writes as that host only. */
  readonly hosts: Readonly<Record<string, ReadonlyArray<Redacted.Redacted>>>
  /** For the master's routes; it writes as nobody. */
  readonly admin: Redacted.Redacted | undefined
}

/** Who may ask at all; the one place for every route. */
export class Auth extends Context.Service<
  Auth,
  {
    readonly authenticate: (request: Pick<Evidence, "headers">) => Effect.Effect<Client, Problem>
    /** Lets only the holder of the admin token by, and nobody while there is none. */
    readonly command: (request: Pick<Evidence, "headers">) => Effect.Effect<void, Problem>
  }
>()("cis490/receiver/Auth") {}

const protectsUploads = (tokens: Tokens): boolean =>
  tokens.shared !== undefined || Object.values(tokens.hosts).some((list) => list.length > 0)

/** How a client shows who it is, beside tokens. */
export type Connections = Omit<Ways, "tokens">

const plain: Connections = { certificates: false }

/** Whether anything at all says who may write. */
export const isProtected = (tokens: Tokens, { certificates, proxy }: Connections): boolean =>
  protectsUploads(tokens) || certificates || proxy !== undefined

/** Why the receiver may not listen there, in words; `undefined` when it may. */
export const mayListen = (listen: string, protectedUploads: boolean): string | undefined => {
  if (protectedUploads || isLocal(listen)) return undefined
  return `listen = "${listen}" can be reached from other machines, and nothing says who may write: set auth.bearer_token_file, auth.hosts or tls.client_ca, or listen on 127.0.0.1 or unix:/path`
}

const unauthenticated = (error: string): Problem => ({
  problem: "unauthenticated",
  error,
  remediation: "set receiver.bearer_token_file in lab-host.toml to a token that receiver.toml knows"
})

const commandsAreOff: Problem = {
  problem: "not-found",
  error: "the master's routes are off",
  remediation: "set auth.admin_token_file in receiver.toml"
}

const adminNeeded = (error: string): Problem => ({
  problem: "unauthenticated",
  error,
  remediation: "send the token in auth.admin_token_file of receiver.toml"
})

const notAdmin = (means: string): Problem => ({
  problem: "not-admin",
  error: `this ${means} is for uploads and commands nothing`,
  remediation: "send the token in auth.admin_token_file of receiver.toml"
})

interface Known {
  readonly digest: Sha256
  readonly client: Client
}

const find = (known: ReadonlyArray<Known>, digest: Sha256): Client | undefined => {
  const found = known.filter((entry) => sameDigest(entry.digest, digest)).map((entry) => entry.client)
  if (found.some((client) => client._tag === "AnyHost")) return { _tag: "AnyHost" }
  const hostIds = found.flatMap((client) => (client._tag === "OnlyHosts" ? client.hostIds : []))
  return hostIds.length === 0 ? undefined : { _tag: "OnlyHosts", hostIds, means: "token" }
}

const STRANGE_TOKEN = "this token is not one of the receiver's"

const knownOf = (digestOf: (token: string) => Sha256, { shared, hosts }: Tokens): ReadonlyArray<Known> => [
  ...(shared === undefined ? [] : [{ digest: digestOf(Redacted.value(shared)), client: { _tag: "AnyHost" } } as const]),
  ...Object.entries(hosts).flatMap(([hostId, tokens]) =>
    tokens.map(
      (token): Known => ({
        digest: digestOf(Redacted.value(token)),
        client: { _tag: "OnlyHosts", hostIds: [hostId], means: "token" }
      })
    )
  )
]

/** `current` is asked for every request, so that it may follow a file; the same object is not digested twice. */
export const layer = (
  current: Effect.Effect<Tokens>,
  connections: Connections = plain
): Layer.Layer<Auth, never, Codec> =>
  Layer.effect(
    Auth,
    Effect.gen(function* () {
      const digestOf = yield* digestText
      let tokens = yield* current
      let known = knownOf(digestOf, tokens)

      const tokenIn = (authorization: string | undefined): Result.Result<Client, Problem> =>
        Result.flatMap(Result.mapError(bearerIn(authorization), unauthenticated), (token) => {
          const client = find(known, digestOf(token))
          return client === undefined ? Result.fail(unauthenticated(STRANGE_TOKEN)) : Result.succeed(client)
        })

      const evidenceOf = Effect.fnUntraced(function* ({ headers }: Pick<Evidence, "headers">) {
        const fresh = yield* current
        if (fresh !== tokens) {
          tokens = fresh
          known = knownOf(digestOf, fresh)
        }
        const evidence: Evidence = {
          token: tokenIn(headers["authorization"]),
          peer: yield* Peer,
          headers,
          now: yield* Clock.currentTimeMillis
        }
        return evidence
      })

      const authenticate = Effect.fnUntraced(function* (request: Pick<Evidence, "headers">) {
        const evidence = yield* evidenceOf(request)
        return yield* Effect.fromResult(identify({ ...connections, tokens: protectsUploads(tokens) }, evidence))
      })

      const command = Effect.fnUntraced(function* (request: Pick<Evidence, "headers">) {
        const evidence = yield* evidenceOf(request)
        const { admin } = tokens
        if (admin === undefined) return yield* Effect.fail(commandsAreOff)
        // First of all: a token that was given to a host commands nothing, also where it was given twice.
        if (Result.isSuccess(evidence.token)) return yield* Effect.fail(notAdmin("token"))
        const byConnection = identify({ ...connections, tokens: false }, evidence)
        const isHost = Result.isSuccess(byConnection) && byConnection.success._tag === "OnlyHosts"
        const sent = bearerIn(evidence.headers["authorization"])
        if (Result.isFailure(sent))
          return yield* Effect.fail(isHost ? notAdmin("certificate") : adminNeeded(sent.failure))
        if (sameDigest(digestOf(sent.success), digestOf(Redacted.value(admin)))) return
        return yield* Effect.fail(adminNeeded(STRANGE_TOKEN))
      })
      return { authenticate, command }
    })
  )
