/** Certificate authorities for tests, and certificates as no sound authority would issue them. */
import { createPrivateKey, generateKeyPairSync, randomBytes } from "node:crypto"
import { mkdirSync, renameSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { GeneralName, id_ce_subjectAltName, Name, SubjectAlternativeName } from "@peculiar/asn1-x509"
import { authorityExtensions, certificateOf, leafExtensions } from "../../layers/authority/certificate.ts"
import { commonName, extension, keyIdentifier, publicKeyInfo, signerOf } from "../../layers/authority/der.ts"
import { revocationListOf } from "../../layers/authority/revocationList.ts"

const HOUR = 3_600_000
const DAY = 24 * HOUR

const newKey = (): string =>
  String(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }))

const newSerial = (): string => `40${randomBytes(15).toString("hex")}`

export interface Credential {
  readonly cert: string
  readonly key: string
  readonly serial: string
}

export interface Wish {
  /** One after the other; none where it is empty. */
  readonly cn?: string | ReadonlyArray<string>
  /** DNS SANs. */
  readonly dns?: ReadonlyArray<string>
  /** SANs of other kinds. */
  readonly other?: ReadonlyArray<Partial<GeneralName>>
  readonly use?: "client" | "server"
  /** Milliseconds from now. */
  readonly from?: number
  readonly until?: number
}

const subjectOf = (cn: string | ReadonlyArray<string>): Name =>
  new Name([cn].flat().flatMap((one) => [...commonName(one)]))

const namesOf = ({ dns = [], other = [] }: Wish) => {
  const names = [...other, ...dns.map((dNSName) => ({ dNSName }))].map((name) => new GeneralName(name))
  return names.length === 0 ? [] : [extension(id_ce_subjectAltName, false, new SubjectAlternativeName(names))]
}

export const makeAuthority = (name = "CIS490 test CA", valid: Pick<Wish, "from" | "until"> = {}) => {
  const now = Date.now()
  const pem = newKey()
  const key = createPrivateKey(pem)
  const subject = commonName(name)
  const cert = certificateOf(
    {
      serial: newSerial(),
      subject,
      from: now + (valid.from ?? -10 * DAY),
      until: now + (valid.until ?? 10 * DAY),
      key,
      extensions: authorityExtensions()
    },
    { name: subject, key, keyId: keyIdentifier(publicKeyInfo(key)) }
  )
  const signer = signerOf(cert, pem)

  const issue = (wish: Wish): Credential => {
    const leafKey = newKey()
    const serial = newSerial()
    const issued = certificateOf(
      {
        serial,
        subject: subjectOf(wish.cn ?? []),
        from: now + (wish.from ?? -HOUR),
        until: now + (wish.until ?? DAY),
        key: createPrivateKey(leafKey),
        extensions: [...leafExtensions(wish.use ?? "client", []), ...namesOf(wish)]
      },
      signer
    )
    return { cert: issued, key: leafKey, serial }
  }

  /** A list of these as revoked. */
  const list = (revoked: ReadonlyArray<Credential>, until = DAY): string =>
    revocationListOf(
      { number: 1, from: now - DAY, until: now + until, revoked: revoked.map(({ serial }) => ({ serial, at: now })) },
      signer
    )

  return { cert, issue, list, server: () => issue({ cn: "localhost", dns: ["localhost"], use: "server" }) }
}
export type TestAuthority = ReturnType<typeof makeAuthority>

/** As whoever renews a file should: in one step. */
export const install = (path: string, content: string): string => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(`${path}.new`, content, { mode: 0o600 })
  renameSync(`${path}.new`, path)
  return path
}
