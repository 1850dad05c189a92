import * as Result from "effect/Result"
import { describe, expect, test } from "vitest"
import { HostId } from "../../src/domain/names.ts"
import { type Network, parseNetwork } from "../../src/domain/network.ts"
import type { Problem } from "../../src/domain/protocol.ts"
import { type Client, type Evidence, identify, mayWriteAs, type Ways } from "../../src/receiver/identity.ts"
import type { Certificate, Fault, Peer } from "../../src/services/Peer.ts"

const NOW = 1_000_000
const networks = (text: string): ReadonlyArray<Network> =>
  [parseNetwork(text)].filter((network) => network !== undefined)

const tokenOf = (...hostIds: ReadonlyArray<string>): Evidence["token"] =>
  Result.succeed({ _tag: "OnlyHosts", hostIds, means: "token" })
const shared: Evidence["token"] = Result.succeed({ _tag: "AnyHost" })
const noToken: Evidence["token"] = Result.fail({ problem: "unauthenticated", error: "no token was sent" })

const none: Certificate = { _tag: "None" }
const trusted = (...names: ReadonlyArray<string>): Certificate => ({ _tag: "Trusted", names, notAfter: NOW })
const refused = (fault: Fault): Certificate => ({ _tag: "Refused", fault, detail: "DETAIL" })

const tcp = (ip: string | undefined, certificate: Certificate = none): Peer => ({
  socket: "tcp",
  ...(ip === undefined ? {} : { ip }),
  certificate
})
const unix: Peer = { socket: "unix", certificate: none }
const shows = (certificate: Certificate): Peer => tcp("10.0.0.1", certificate)

const tokens: Ways = { tokens: true, certificates: false }
const certificates: Ways = { tokens: false, certificates: true }
const both: Ways = { tokens: true, certificates: true }
const proxy = { header: "x-client", trusted: networks("10.0.0.0/8") }
const proxied: Ways = { tokens: false, certificates: false, proxy }
const mixed: Ways = { tokens: false, certificates: true, proxy }

const found = (ways: Ways, evidence: Partial<Evidence>): string => {
  const whole: Evidence = { token: noToken, peer: tcp("10.0.0.1"), headers: {}, now: NOW, ...evidence }
  return Result.match(identify(ways, whole), {
    onSuccess: (client: Client) => (client._tag === "AnyHost" ? "any" : client.hostIds.join("+")),
    onFailure: ({ problem }: Problem) => problem
  })
}
const says = (value: string | undefined, peer: Peer) => ({ peer, headers: { "x-client": value } })

const cases: ReadonlyArray<readonly [what: string, Ways, Partial<Evidence>, string]> = [
  ["nothing is asked for", { tokens: false, certificates: false }, {}, "any"],
  ["a token", tokens, { token: tokenOf("a") }, "a"],
  ["the shared token", tokens, { token: shared }, "any"],
  ["no token", tokens, {}, "unauthenticated"],
  [
    "a token that nobody asked for is not looked at",
    certificates,
    { peer: shows(trusted("a")), token: tokenOf("b") },
    "a"
  ],
  [
    "a certificate that nobody asked for is not looked at",
    tokens,
    { peer: shows(trusted("b")), token: tokenOf("a") },
    "a"
  ],
  ["a header that nobody asked for is not looked at", tokens, { ...says("b", unix), token: tokenOf("a") }, "a"],

  ["a certificate", certificates, { peer: shows(trusted("a")) }, "a"],
  ["a certificate of several", certificates, { peer: shows(trusted("a", "*", "b")) }, "a+b"],
  ["no certificate", certificates, {}, "unauthenticated"],
  ["no certificate, over a unix socket", certificates, { peer: unix }, "unauthenticated"],
  ["a certificate of nobody", certificates, { peer: shows(trusted()) }, "certificate-refused"],
  ["a certificate of no host_id", certificates, { peer: shows(trusted("*.a", "", "a/b")) }, "certificate-refused"],
  ["a certificate that expires now", certificates, { peer: shows(trusted("a")), now: NOW }, "a"],
  [
    "a certificate that has expired meanwhile",
    certificates,
    { peer: shows(trusted("a")), now: NOW + 1 },
    "certificate-refused"
  ],
  ["a connection from before", certificates, { peer: shows({ _tag: "Stale" }) }, "unavailable"],

  ["both, of one host", both, { peer: shows(trusted("a")), token: tokenOf("a") }, "a"],
  ["both, with the shared token", both, { peer: shows(trusted("a")), token: shared }, "a"],
  ["both, in part of one host", both, { peer: shows(trusted("a", "b")), token: tokenOf("b", "c") }, "b"],
  ["both, of two hosts", both, { peer: shows(trusted("a")), token: tokenOf("b") }, "wrong-host"],
  ["only the token", both, { token: shared }, "unauthenticated"],
  ["only the certificate", both, { peer: shows(trusted("a")) }, "unauthenticated"],

  ["the proxy's word", proxied, says("a", tcp("10.0.0.1")), "a"],
  ["the proxy's word over a unix socket", proxied, says("a", unix), "a"],
  ["a stranger's word", proxied, says("a", tcp("11.0.0.1")), "unauthenticated"],
  ["a stranger's word, of whom not even the address is known", proxied, says("a", tcp(undefined)), "unauthenticated"],
  [
    "a stranger's word beside a certificate nobody asked for",
    proxied,
    says("a", tcp("11.0.0.1", trusted("a"))),
    "unauthenticated"
  ],
  ["the proxy has seen no certificate", proxied, says(undefined, tcp("10.0.0.1")), "unauthenticated"],
  ["the proxy has seen no certificate, and says so", proxied, says("", tcp("10.0.0.1")), "unauthenticated"],
  ["the proxy has passed on two words", proxied, says("b, a", tcp("10.0.0.1")), "certificate-refused"],
  ["the proxy says more than a name", proxied, says("CN=a", tcp("10.0.0.1")), "certificate-refused"],
  ["the proxy's own certificate is about the proxy", mixed, says("a", tcp("10.0.0.1", trusted("b"))), "a"],
  [
    "the proxy's own certificate is no host's",
    mixed,
    says(undefined, tcp("10.0.0.1", trusted("b"))),
    "unauthenticated"
  ],
  ["beside the proxy, a host's certificate", mixed, says("b", tcp("11.0.0.1", trusted("a"))), "a"],
  ["the proxy's word and a token", { ...proxied, tokens: true }, { ...says("a", unix), token: tokenOf("a") }, "a"],
  [
    "the proxy's word and another's token",
    { ...proxied, tokens: true },
    { ...says("a", unix), token: tokenOf("b") },
    "wrong-host"
  ]
]

describe("who asks", () => {
  test.each(cases)("%s", (_, ways, evidence, expected) => expect(found(ways, evidence)).toBe(expected))

  const faults: ReadonlyArray<Fault> = [
    "expired",
    "not-yet-valid",
    "revoked",
    "unknown-issuer",
    "wrong-purpose",
    "no-revocation-list",
    "revocation-list-expired",
    "unreadable-names",
    "other"
  ]
  test.each(faults)("a certificate that is refused: %s", (fault) => {
    const evidence = { token: shared, peer: shows(refused(fault)), headers: {}, now: NOW }
    const problem = Result.getOrThrow(Result.flip(identify(both, evidence)))
    expect(problem).toMatchObject({ problem: "certificate-refused", remediation: expect.any(String) })
    expect(problem.error.includes("DETAIL")).toBe(fault === "other")
  })
})

describe("as whom", () => {
  const lab1 = HostId.make("lab-1")
  test("a name is that very name", () => {
    expect(mayWriteAs({ _tag: "AnyHost" }, lab1)).toBeUndefined()
    expect(mayWriteAs({ _tag: "OnlyHosts", hostIds: ["x", "lab-1"], means: "token" }, lab1)).toBeUndefined()
    for (const name of ["Lab-1", "lab-1.", "lab-10", "", "*"]) {
      expect(mayWriteAs({ _tag: "OnlyHosts", hostIds: [name], means: "client certificate" }, lab1)).toMatchObject({
        problem: "wrong-host",
        error: "this client certificate does not belong to host lab-1"
      })
    }
  })
})
