/**
 * Who asks, from everything a request comes with: its token, the certificate of its connection, and what a proxy in front says of
 * the certificate it saw. Every way that is configured has to be gone, and all of them have to mean the same host.
 */
import * as Result from "effect/Result"
import { type HostId, isHostId } from "../domain/names.ts"
import { isWithin, type Network } from "../domain/network.ts"
import type { Problem } from "../domain/protocol.ts"
import type { Certificate, Fault, Peer } from "../services/Peer.ts"

/** Who asks, as far as we know. */
export type Client =
  | { readonly _tag: "AnyHost" }
  /** `means`: what says so. */
  | { readonly _tag: "OnlyHosts"; readonly hostIds: ReadonlyArray<string>; readonly means: string }

/** A proxy that ends TLS, and the header in which it names the host whose certificate it has seen. */
export interface Proxy {
  /** In lower case. */
  readonly header: string
  /** Who is believed over TCP; over a unix socket everybody is whom the socket lets in. */
  readonly trusted: ReadonlyArray<Network>
}

/** Which ways of saying who one is are asked for. */
export interface Ways {
  readonly tokens: boolean
  readonly certificates: boolean
  readonly proxy?: Proxy | undefined
}

/** What a request comes with. */
export interface Evidence {
  /** Whose token it is; a problem when it is nobody's. Not looked at where no token is asked for. */
  readonly token: Result.Result<Client, Problem>
  readonly peer: Peer
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Milliseconds since 1970. */
  readonly now: number
}

const anyHost: Client = { _tag: "AnyHost" }

const SHOW_ONE =
  "set receiver.client_cert and receiver.client_key in lab-host.toml; a proxy in front has to pass on whose it is"

const noCertificate: Problem = {
  problem: "unauthenticated",
  error: "no client certificate was shown",
  remediation: SHOW_ONE
}

const believesNobody: Problem = {
  problem: "unauthenticated",
  error: "no client certificate was shown, and this way the receiver believes nobody who speaks for others",
  remediation: "come through the proxy; proxy.trusted_peers in receiver.toml says which addresses are one"
}

const RENEW = "renew it: `cis490-receiver pki issue HOST`, or whatever issues this lab's certificates"

const faults: { readonly [F in Fault]: readonly [error: string, remediation: string] } = {
  expired: ["this client certificate has expired", `${RENEW}; if it has not, one of the two clocks is wrong`],
  "not-yet-valid": ["this client certificate is not valid yet", "set the clocks of host and receiver; they disagree"],
  revoked: ["this client certificate has been revoked", RENEW],
  "unknown-issuer": [
    "this client certificate is of an authority that the receiver does not know",
    "use one that an authority in tls.client_ca has issued, with those in between in the file behind it"
  ],
  "wrong-purpose": ["this certificate is not one for clients", "issue one whose extended key usage allows clientAuth"],
  "no-revocation-list": [
    "the receiver has no revocation list of this client certificate's authority",
    "put the list of every authority in tls.client_ca into tls.client_crl on the receiver"
  ],
  "revocation-list-expired": [
    "the receiver's revocation list has expired",
    "renew the list in tls.client_crl on the receiver"
  ],
  "unreadable-names": ["the names in this client certificate cannot be read", RENEW],
  other: ["this client certificate cannot be trusted", RENEW]
}

const refused = (fault: Fault, detail = ""): Problem => {
  const [error, remediation] = faults[fault]
  return { problem: "certificate-refused", error: detail === "" ? error : `${error} (${detail})`, remediation }
}

const newConnection: Problem = {
  problem: "unavailable",
  error: "which certificates the receiver trusts has changed since this connection began: connect again",
  retryAfter: 1
}

const named = (names: ReadonlyArray<string>, means: string): Result.Result<Client, Problem> => {
  const hostIds = names.filter(isHostId)
  return hostIds.length > 0
    ? Result.succeed({ _tag: "OnlyHosts", hostIds, means })
    : Result.fail({
        problem: "certificate-refused",
        error: `this ${means} names no host_id`,
        remediation:
          "its DNS SANs, or its CN where it has none, have to be the host_id as in lab-host.toml, letter by letter"
      })
}

const ofCertificate = (certificate: Certificate, now: number): Result.Result<Client, Problem> => {
  switch (certificate._tag) {
    case "None":
      return Result.fail(noCertificate)
    case "Stale":
      return Result.fail(newConnection)
    case "Refused":
      return Result.fail(refused(certificate.fault, certificate.fault === "other" ? certificate.detail : ""))
    case "Trusted":
      // It may have been good when the connection began.
      return now > certificate.notAfter
        ? Result.fail(refused("expired"))
        : named(certificate.names, "client certificate")
  }
}

const isProxy = ({ trusted }: Proxy, { ip, socket }: Peer): boolean =>
  socket === "unix" || (ip !== undefined && isWithin(trusted, ip))

const ofConnection = (ways: Ways, { headers, now, peer }: Evidence): Result.Result<Client, Problem> => {
  const { certificates, proxy } = ways
  if (proxy !== undefined && isProxy(proxy, peer)) {
    // Twice in a request, it has both values joined with a comma: no host_id.
    const identity = headers[proxy.header] ?? ""
    return identity === "" ? Result.fail(noCertificate) : named([identity], `identity in ${proxy.header}`)
  }
  if (certificates) return ofCertificate(peer.certificate, now)
  return proxy === undefined ? Result.succeed(anyHost) : Result.fail(believesNobody)
}

const agreed = (one: Client, other: Client): Result.Result<Client, Problem> => {
  if (one._tag === "AnyHost") return Result.succeed(other)
  if (other._tag === "AnyHost") return Result.succeed(one)
  const hostIds = one.hostIds.filter((hostId) => other.hostIds.includes(hostId))
  const means = `${one.means} and ${other.means}`
  return hostIds.length > 0
    ? Result.succeed({ _tag: "OnlyHosts", hostIds, means })
    : Result.fail({
        problem: "wrong-host",
        error: `${means} are of different hosts`,
        remediation: "use the token and the certificate of one host"
      })
}

/** The one decision about who asks. */
export const identify = (ways: Ways, evidence: Evidence): Result.Result<Client, Problem> =>
  Result.gen(function* () {
    const byConnection = yield* ofConnection(ways, evidence)
    const byToken = ways.tokens ? yield* evidence.token : anyHost
    return yield* agreed(byConnection, byToken)
  })

/** Why the client may not write as that host; `undefined` when it may. */
export const mayWriteAs = (client: Client, hostId: HostId): Problem | undefined =>
  client._tag === "AnyHost" || client.hostIds.includes(hostId)
    ? undefined
    : {
        problem: "wrong-host",
        error: `this ${client.means} does not belong to host ${hostId}`,
        remediation:
          "use what receiver.toml and the lab's authority gave to this host, or mend host_id in lab-host.toml"
      }
