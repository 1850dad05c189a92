/** Why nothing answered, in words to act on: one table from what Node, OpenSSL and undici call it to what is wrong and what mends it. */
import type { Failure, Say, Trouble } from "./connection/Evidence.ts"
import { hostOf, nameOf } from "./connection/host.ts"
import { materialTrouble } from "./connection/material.ts"
import { closedSilently, noAgreement, refused } from "./connection/ourCertificate.ts"
import { expired, tooEarly, unknownIssuer, wrongName } from "./connection/theirCertificate.ts"

/** `HOST` and `NAME` stand for whom the URL is about, with and without the port. */
const always =
  (words: string, mend: string): Say =>
  ({ url }) => {
    const fill = (text: string) => text.replaceAll("HOST", hostOf(url)).replaceAll("NAME", nameOf(url))
    return { words: fill(words), mend: fill(mend) }
  }

const cutOnTheWay = always(
  "the connection to HOST was cut",
  "it is tried again; if it stays so, see the receiver's log, and what is in front of it"
)
const closedInPlain = always(
  "HOST closed the connection without a word",
  "if it speaks TLS, write https:// in receiver.url; else see the receiver's log, and what is in front of it"
)

const cut: Say = (failure) => {
  const { evidence } = failure
  if (evidence === undefined || evidence.phase === "answered") return cutOnTheWay(failure)
  return evidence.tls ? closedSilently(failure) : closedInPlain(failure)
}

/** The first row that fits speaks. TLS alerts end in the name that RFC 8446, section 6, gives them. */
const table: ReadonlyArray<readonly [codes: RegExp, say: Say]> = [
  [/^CERT_HAS_EXPIRED$/, expired],
  [/^CERT_NOT_YET_VALID$/, tooEarly],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, wrongName],
  [
    /SELF_SIGNED_CERT|^UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|^CERT_(UNTRUSTED|SIGNATURE|REJECTED)|^INVALID_CA$/,
    unknownIssuer
  ],
  [/ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED|DECRYPT_ERROR)$/, refused],
  [/ALERT_HANDSHAKE_FAILURE$/, noAgreement],
  [
    /UNRECOGNIZED_NAME$|ALERT_INTERNAL_ERROR$/,
    always(
      "what answers at HOST has no certificate for that name",
      "write the name that the receiver, or the proxy in front of it, goes by into receiver.url"
    )
  ],
  [
    /ALERT_PROTOCOL_VERSION$|UNSUPPORTED_PROTOCOL$/,
    always(
      "HOST and this host have no version of TLS in common",
      "let the receiver, or the proxy in front of it, speak TLS 1.2 or 1.3"
    )
  ],
  [
    /WRONG_VERSION_NUMBER$|PACKET_LENGTH_TOO_LONG$|HTTP_REQUEST$/,
    always("what answers at HOST does not speak TLS", "write http:// in receiver.url, or the port where it does")
  ],
  [
    /^HPE_|^HTTPParserError$/,
    always(
      "what answers at HOST does not speak HTTP",
      "if it speaks TLS, write https:// in receiver.url; else mend the port in it"
    )
  ],
  [
    /^ENOTFOUND$/,
    always("the name NAME is not known", "mend receiver.url, or the names that this host knows: getent hosts NAME")
  ],
  [/^EAI_/, always("no name service tells this host who NAME is", "mend it: getent hosts NAME, /etc/resolv.conf")],
  [
    /^ECONNREFUSED$/,
    always(
      "the connection to HOST was refused: nobody listens there",
      "start the receiver, or mend the port in receiver.url"
    )
  ],
  [
    /^E(HOST|NET)(UNREACH|DOWN)$|^EADDRNOTAVAIL$/,
    always(
      "there is no way from this host to HOST",
      "bring its network or tunnel up: getent hosts NAME, ip route, sudo wg show"
    )
  ],
  [
    /^ETIMEDOUT$|^UND_ERR_CONNECT_TIMEOUT$/,
    always(
      "no connection to HOST came about in time",
      "see whether the receiver's machine and the tunnel to it are up, and that no firewall swallows what is sent there"
    )
  ],
  [
    /^E(ACCES|PERM)$/,
    always("this host does not let us connect to HOST", "see its firewall, and the restrictions of the unit")
  ],
  [
    /^E[MN]FILE$/,
    always("this host has no file handles left", "see what holds them, or raise LimitNOFILE= of the unit")
  ],
  [/^(ECONNRESET|ECONNABORTED|EPIPE|UND_ERR_(SOCKET|CLOSED|DESTROYED|ABORTED))$/, cut]
]

/** Always says something: what the table does not know keeps the words it came with. */
export const connectionTrouble = (failure: Failure): Trouble => {
  const { code = "", evidence, message, url } = failure
  if (evidence?.material !== undefined) return materialTrouble(evidence.material)(failure)
  const row = table.find(([codes]) => codes.test(code))
  return row?.[1](failure) ?? { words: message, mend: `ask by hand from this host: curl -v ${url}/v1/health` }
}

/** One line, for logs and answers. */
export const inOneLine = ({ mend, words }: Trouble, code: string | undefined): string =>
  `${words}${code === undefined || words.includes(code) ? "" : ` (${code})`}; to mend: ${mend}`
