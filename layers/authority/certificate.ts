import type { KeyObject } from "node:crypto"
import {
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  type Extension,
  Extensions,
  GeneralName,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_clientAuth,
  id_kp_serverAuth,
  KeyUsage,
  KeyUsageFlags,
  type Name,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  TBSCertificate,
  Validity,
  Version
} from "@peculiar/asn1-x509"
import type { SubjectName } from "../../src/services/Authority.ts"
import {
  algorithm,
  extension,
  keyIdentifier,
  pemOf,
  publicKeyInfo,
  type Signer,
  serialOf,
  signatureOf,
  signedWith
} from "./der.ts"

export interface CertificateFields {
  /** Hexadecimal. */
  readonly serial: string
  readonly subject: Name
  readonly from: number
  readonly until: number
  readonly key: KeyObject
  readonly extensions: ReadonlyArray<Extension>
}

/** In PEM. Signed by `signer`. */
export const certificateOf = (fields: CertificateFields, signer: Signer): string => {
  const subjectPublicKeyInfo = publicKeyInfo(fields.key)
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialOf(fields.serial),
    signature: algorithm(),
    issuer: signer.name,
    validity: new Validity({ notBefore: new Date(fields.from), notAfter: new Date(fields.until) }),
    subject: fields.subject,
    subjectPublicKeyInfo,
    extensions: new Extensions([
      ...fields.extensions,
      extension(id_ce_subjectKeyIdentifier, false, new SubjectKeyIdentifier(keyIdentifier(subjectPublicKeyInfo))),
      signedWith(signer)
    ])
  })
  return pemOf(
    "CERTIFICATE",
    new Certificate({
      tbsCertificate,
      signatureAlgorithm: algorithm(),
      signatureValue: signatureOf(tbsCertificate, signer.key)
    })
  )
}

/** Of an authority below which there is no other. */
export const authorityExtensions = (): ReadonlyArray<Extension> => [
  extension(id_ce_basicConstraints, true, new BasicConstraints({ cA: true, pathLenConstraint: 0 })),
  extension(id_ce_keyUsage, true, new KeyUsage(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign))
]

const generalName = (name: SubjectName): GeneralName =>
  name._tag === "Dns" ? new GeneralName({ dNSName: name.name }) : new GeneralName({ iPAddress: name.address })

const purposes = { client: id_kp_clientAuth, server: id_kp_serverAuth } as const

export const leafExtensions = (
  use: keyof typeof purposes,
  names: ReadonlyArray<SubjectName>
): ReadonlyArray<Extension> => [
  extension(id_ce_basicConstraints, true, new BasicConstraints({ cA: false })),
  extension(id_ce_keyUsage, true, new KeyUsage(KeyUsageFlags.digitalSignature)),
  extension(id_ce_extKeyUsage, false, new ExtendedKeyUsage([purposes[use]])),
  ...(names.length === 0
    ? []
    : [extension(id_ce_subjectAltName, false, new SubjectAlternativeName(names.map(generalName)))])
]
