/** What certificates and revocation lists have in common: names, keys, extensions, a signature. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, X509Certificate } from "node:crypto"
import { AsnConvert, OctetString } from "@peculiar/asn1-schema"
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  Certificate,
  Extension,
  id_ce_authorityKeyIdentifier,
  KeyIdentifier,
  Name,
  RelativeDistinguishedName,
  SubjectPublicKeyInfo
} from "@peculiar/asn1-x509"

/** ecdsa-with-SHA256 (RFC 5758, section 3.2), without parameters. */
export const algorithm = () => new AlgorithmIdentifier({ algorithm: "1.2.840.10045.4.3.2" })

const COMMON_NAME = "2.5.4.3"

export const commonName = (text: string): Name =>
  new Name([
    new RelativeDistinguishedName([
      new AttributeTypeAndValue({ type: COMMON_NAME, value: new AttributeValue({ utf8String: text }) })
    ])
  ])

/** A copy in a buffer of its own. */
export const bufferOf = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer

export const hexOf = (bytes: ArrayBuffer): string => Buffer.from(bytes).toString("hex")

/** A serial number: positive, as short as DER wants it. */
export const serialOf = (hex: string): ArrayBuffer => {
  const bytes = Buffer.from(hex, "hex")
  return bufferOf((bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes)
}

export const extension = (extnID: string, critical: boolean, value: object): Extension =>
  new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) })

/** Names a key: the first 160 bits of its SHA-256 (RFC 7093, section 2, method 1). */
export const keyIdentifier = (info: SubjectPublicKeyInfo): ArrayBuffer =>
  bufferOf(createHash("sha256").update(Buffer.from(info.subjectPublicKey)).digest().subarray(0, 20))

export const publicKeyInfo = (key: KeyObject): SubjectPublicKeyInfo =>
  AsnConvert.parse(bufferOf(createPublicKey(key).export({ type: "spki", format: "der" })), SubjectPublicKeyInfo)

/** An authority, ready to sign. */
export interface Signer {
  readonly name: Name
  readonly key: KeyObject
  readonly keyId: ArrayBuffer
}

/** Throws when the certificate cannot be read or the key is another's. */
export const signerOf = (certificate: string, keyPem: string): Signer => {
  const read = new X509Certificate(certificate)
  const key = createPrivateKey(keyPem)
  if (!read.checkPrivateKey(key)) throw new Error("the authority's key does not belong to its certificate")
  const { tbsCertificate } = AsnConvert.parse(bufferOf(read.raw), Certificate)
  return { name: tbsCertificate.subject, key, keyId: keyIdentifier(tbsCertificate.subjectPublicKeyInfo) }
}

/** Says which of the authority's keys has signed. */
export const signedWith = ({ keyId }: Pick<Signer, "keyId">): Extension =>
  extension(
    id_ce_authorityKeyIdentifier,
    false,
    new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(keyId) })
  )

export const signatureOf = (toBeSigned: object, key: KeyObject): ArrayBuffer =>
  bufferOf(sign("sha256", Buffer.from(AsnConvert.serialize(toBeSigned)), { key, dsaEncoding: "der" }))

/** Lines of 64 characters (RFC 7468). */
export const pemOf = (label: string, value: object): string => {
  const lines =
    Buffer.from(AsnConvert.serialize(value))
      .toString("base64")
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n")
}
