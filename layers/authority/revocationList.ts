import { AsnConvert } from "@peculiar/asn1-schema"
import {
  CertificateList,
  CRLNumber,
  id_ce_cRLNumber,
  RevokedCertificate,
  TBSCertList,
  Time,
  Version
} from "@peculiar/asn1-x509"
import type { RevocationList } from "../../src/services/Authority.ts"
import { algorithm, bufferOf, extension, hexOf, pemOf, type Signer, serialOf, signatureOf, signedWith } from "./der.ts"

/** In PEM. */
export const revocationListOf = ({ from, number, revoked, until }: RevocationList, signer: Signer): string => {
  const entries = revoked.map(
    ({ at, serial }) => new RevokedCertificate({ userCertificate: serialOf(serial), revocationDate: new Time(at) })
  )
  const tbsCertList = new TBSCertList({
    version: Version.v2,
    signature: algorithm(),
    issuer: signer.name,
    thisUpdate: new Time(from),
    nextUpdate: new Time(until),
    // A list of nobody is left out (RFC 5280, section 5.1.2.6).
    ...(entries.length === 0 ? {} : { revokedCertificates: entries }),
    crlExtensions: [signedWith(signer), extension(id_ce_cRLNumber, false, new CRLNumber(number))]
  })
  return pemOf(
    "X509 CRL",
    new CertificateList({
      tbsCertList,
      signatureAlgorithm: algorithm(),
      signature: signatureOf(tbsCertList, signer.key)
    })
  )
}

const LIST = /-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/

/** Throws when there is none in the text, or none of ours. */
export const readRevocationList = (pem: string): RevocationList => {
  const base64 = LIST.exec(pem)?.[1]
  if (base64 === undefined) throw new Error("holds no revocation list in PEM")
  const { tbsCertList } = AsnConvert.parse(bufferOf(Buffer.from(base64, "base64")), CertificateList)
  const { crlExtensions = [], nextUpdate, revokedCertificates = [], thisUpdate } = tbsCertList
  const number = crlExtensions.find(({ extnID }) => extnID === id_ce_cRLNumber)
  const from = thisUpdate.getTime().getTime()
  return {
    number: number === undefined ? 0 : AsnConvert.parse(number.extnValue, CRLNumber).value,
    from,
    until: nextUpdate?.getTime().getTime() ?? from,
    revoked: revokedCertificates.map(({ revocationDate, userCertificate }) => ({
      serial: hexOf(userCertificate).replace(/^(00)+/, ""),
      at: revocationDate.getTime().getTime()
    }))
  }
}
