/** Who may give orders. Every way that is configured has to be gone. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { bearerIn, sameDigest } from "../bearer.ts"
import { digestText } from "../digestText.ts"
import type { Codec } from "../services/Codec.ts"
import { type Certificate, Peer } from "../services/Peer.ts"
import type { AgentProblem } from "./problems.ts"

/** What is asked for. */
export interface Ways {
  /** Asked for every request, so that it may follow a file. */
  readonly token: Effect.Effect<Redacted.Redacted | undefined>
  /** `undefined`: none. Without names, whoever has one of those authorities' certificates. */
  readonly certificates: { readonly names: ReadonlyArray<string> | undefined } | undefined
}

type Fields = Readonly<Record<string, string | undefined>>

export class Auth extends Context.Service<
  Auth,
  { readonly authenticate: (headers: Fields) => Effect.Effect<void, AgentProblem> }
>()("cis490/agent/Auth") {}

const unauthenticated = (error: string, remediation: string): AgentProblem => ({
  problem: "unauthenticated",
  error,
  remediation
})

const noToken = (error: string) =>
  unauthenticated(error, "on the master: set agent_token_file of this host in receiver.toml to this agent's token")

const certificateRefused = (error: string): AgentProblem => ({
  problem: "certificate-refused",
  error,
  remediation: "on the master: set client_cert and client_key of this host in receiver.toml to what this agent trusts"
})

const checkCertificate = (
  certificate: Certificate,
  names: ReadonlyArray<string> | undefined,
  now: number
): AgentProblem | undefined => {
  switch (certificate._tag) {
    case "None":
      return unauthenticated(
        "no client certificate was shown",
        "on the master: set client_cert and client_key of this host in receiver.toml"
      )
    case "Stale":
      return { problem: "busy", error: "which certificates the agent trusts has changed: connect again" }
    case "Refused":
      return certificateRefused(`this client certificate is not accepted: ${certificate.fault.replaceAll("-", " ")}`)
    case "Trusted":
      // It may have been good when the connection began.
      if (now > certificate.notAfter) return certificateRefused("this client certificate has expired")
      return names === undefined || certificate.names.some((name) => names.includes(name))
        ? undefined
        : certificateRefused("this client certificate has none of the names in tls.client_names of the agent")
  }
}

export const layer = ({ certificates, token: current }: Ways): Layer.Layer<Auth, never, Codec> =>
  Layer.effect(
    Auth,
    Effect.map(digestText, (digestOf) => {
      const checkToken = (authorization: string | undefined, token: Redacted.Redacted): AgentProblem | undefined => {
        const sent = bearerIn(authorization)
        if (Result.isFailure(sent)) return noToken(sent.failure)
        return sameDigest(digestOf(sent.success), digestOf(Redacted.value(token)))
          ? undefined
          : noToken("this token is not this agent's")
      }

      const authenticate = Effect.fnUntraced(function* (headers: Fields) {
        const { certificate } = yield* Peer
        const token = yield* current
        const problem =
          (certificates && checkCertificate(certificate, certificates.names, yield* Clock.currentTimeMillis)) ??
          (token && checkToken(headers["authorization"], token))
        if (problem !== undefined) return yield* Effect.fail(problem)
      })
      return { authenticate }
    })
  )
