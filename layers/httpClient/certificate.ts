import { X509Certificate } from "node:crypto"
import type { ShownCertificate } from "../../src/domain/connection/Evidence.ts"

/** `CN=lab CA`; OpenSSL puts each part on a line. */
const inOneLine = (name: string | undefined): string => (name ?? "").split("\n").join(", ")

export const shown = (certificate: X509Certificate): ShownCertificate => ({
  issuer: inOneLine(certificate.issuer),
  names: certificate.subjectAltName ?? inOneLine(certificate.subject),
  from: certificate.validFromDate.getTime(),
  until: certificate.validToDate.getTime()
})
