import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { parseNetwork } from "../../domain/network.ts"
import * as Durable from "../../durable.ts"
import { Authority, type SubjectName } from "../../services/Authority.ts"
import { type Held, validity } from "./authority.ts"
import { bundlePath, type Holder, issuedPath } from "./layout.ts"

const DNS_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/

/** An address, or a name in the DNS; `undefined` when the text is neither. */
export const subjectName = (text: string): SubjectName | undefined => {
  if (!text.includes("/") && parseNetwork(text) !== undefined) return { _tag: "Ip", address: text }
  return DNS_NAME.test(text) ? { _tag: "Dns", name: text } : undefined
}

/** The longest that a CN may be (RFC 5280, appendix A.1). */
const MAX_COMMON_NAME = 64

const files = {
  host: { certificate: "client.pem", key: "client.key" },
  server: { certificate: "server.pem", key: "server.key" }
} as const

export const receiverLines = (held: Held, holder: Holder): string => {
  const bundle = bundlePath(held.paths, holder)
  return [
    "[tls]",
    `cert = "${bundle}/server.pem"`,
    `key = "${bundle}/server.key"`,
    `client_ca = "${held.paths.certificate}"`,
    `client_crl = "${held.paths.revocations}"`,
    ""
  ].join("\n")
}

const hostLines = (name: string): string =>
  [
    "# For /etc/cis490/lab-host.toml, with the three PEM files in /etc/cis490, the key its user's only (0600).",
    `host_id = "${name}"`,
    "",
    "[receiver]",
    '#url = "https://collector.wg"',
    'ca_bundle = "/etc/cis490/ca.pem"',
    'client_cert = "/etc/cis490/client.pem"',
    'client_key = "/etc/cis490/client.key"',
    ""
  ].join("\n")

/** A key and a certificate of its own for the holder, and what goes with them, in its bundle. `names`: of a server, the holder's first. */
export const issue = Effect.fnUntraced(function* (
  held: Held,
  holder: Holder,
  names: ReadonlyArray<SubjectName>,
  days: number
) {
  const authority = yield* Authority
  const { from, until } = validity(held, yield* Clock.currentTimeMillis, days)
  const key = yield* authority.newKey
  const { certificate, serial } = yield* authority.issue(held.issuer, {
    commonName: holder.name.slice(0, MAX_COMMON_NAME),
    names,
    use: holder.kind === "host" ? "client" : "server",
    key,
    from,
    until
  })
  // Listed before anybody has it: what cannot be found cannot be revoked.
  yield* Durable.write(issuedPath(held.paths, holder, serial), certificate)
  const bundle = bundlePath(held.paths, holder)
  const into = files[holder.kind]
  yield* Durable.makeDirectory(bundle)
  yield* Durable.write(`${bundle}/ca.pem`, held.issuer.certificate)
  // A crash between the two leaves a key of another certificate: who reads both keeps the old until both are there.
  yield* Durable.write(`${bundle}/${into.key}`, Redacted.value(key))
  yield* Durable.write(`${bundle}/${into.certificate}`, certificate)
  if (holder.kind === "host") yield* Durable.write(`${bundle}/lab-host.toml.lines`, hostLines(holder.name))
  return { bundle, serial, until }
})
