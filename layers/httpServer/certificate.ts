/** What a client has shown in the handshake, in our words. */
import type { TLSSocket } from "node:tls"
import type { Certificate, Fault } from "../../src/services/Peer.ts"

/** By OpenSSL's names, X509_V_ERR_… (openssl-verification-options(1)). */
const faults: Readonly<Record<string, Fault>> = {
  CERT_HAS_EXPIRED: "expired",
  CERT_NOT_YET_VALID: "not-yet-valid",
  CERT_REVOKED: "revoked",
  DEPTH_ZERO_SELF_SIGNED_CERT: "unknown-issuer",
  SELF_SIGNED_CERT_IN_CHAIN: "unknown-issuer",
  UNABLE_TO_GET_ISSUER_CERT: "unknown-issuer",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unknown-issuer",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unknown-issuer",
  CERT_SIGNATURE_FAILURE: "unknown-issuer",
  INVALID_PURPOSE: "wrong-purpose",
  UNABLE_TO_GET_CRL: "no-revocation-list",
  UNABLE_TO_GET_CRL_ISSUER: "no-revocation-list",
  CRL_SIGNATURE_FAILURE: "no-revocation-list",
  CRL_HAS_EXPIRED: "revocation-list-expired"
}

/** One entry as Node writes it: a value with anything but plain characters in it stands in quotes, escaped like JSON. */
const ENTRY = /([A-Za-z][A-Za-z ]*):("(?:[^"\\]|\\.)*"|[^",\\]*)(?:, |$)/y

/** The DNS names in a subject alternative name as Node writes it; `undefined` when it cannot be read to its end. */
export const dnsNames = (subjectAltName: string): ReadonlyArray<string> | undefined => {
  const names: Array<string> = []
  let at = 0
  while (at < subjectAltName.length) {
    ENTRY.lastIndex = at
    const [entry, kind, value = ""] = ENTRY.exec(subjectAltName) ?? []
    if (entry === undefined) return undefined
    // What stands in quotes is no host_id, and stays in its quotes.
    if (kind === "DNS") names.push(value)
    at += entry.length
  }
  return names
}

/** The DNS SANs if there are any, else the CN if there is one and no more. */
const namesOf = (subjectAltName: string | undefined, cn: unknown): ReadonlyArray<string> | undefined => {
  const names = subjectAltName === undefined ? [] : dnsNames(subjectAltName)
  if (names === undefined || names.length > 0) return names
  return typeof cn === "string" ? [cn] : []
}

/** The name under which Node says why it does not trust a certificate; its types call it an Error. */
const codeOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

export const certificateOf = (socket: TLSSocket): Certificate => {
  const shown = socket.getPeerX509Certificate()
  if (shown === undefined) return { _tag: "None" }
  if (!socket.authorized) {
    const detail = codeOf(socket.authorizationError)
    return { _tag: "Refused", fault: faults[detail] ?? "other", detail }
  }
  const names = namesOf(shown.subjectAltName, socket.getPeerCertificate().subject.CN)
  return names === undefined
    ? { _tag: "Refused", fault: "unreadable-names", detail: "subjectAltName" }
    : { _tag: "Trusted", names, notAfter: shown.validToDate.getTime() }
}
