import { createPrivateKey, randomBytes } from "node:crypto"
import * as Redacted from "effect/Redacted"
import type { Issued, Issuer, Leaf, RevocationList, Root } from "../../src/services/Authority.ts"
import { authorityExtensions, certificateOf, leafExtensions } from "./certificate.ts"
import { commonName, keyIdentifier, publicKeyInfo, signerOf } from "./der.ts"
import { revocationListOf } from "./revocationList.ts"

export { readRevocationList } from "./revocationList.ts"

/** 127 random bits and no zero in front: never the same, and written in one way only. */
const newSerial = (): string => {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString("hex")
}

const signer = ({ certificate, key }: Issuer) => signerOf(certificate, Redacted.value(key))

export const root = ({ from, key: pem, name, until }: Root): string => {
  const key = createPrivateKey(Redacted.value(pem))
  const subject = commonName(name)
  const itself = { name: subject, key, keyId: keyIdentifier(publicKeyInfo(key)) }
  return certificateOf({ serial: newSerial(), subject, from, until, key, extensions: authorityExtensions() }, itself)
}

export const issue = (issuer: Issuer, leaf: Leaf): Issued => {
  const serial = newSerial()
  const fields = {
    serial,
    subject: commonName(leaf.commonName),
    from: leaf.from,
    until: leaf.until,
    key: createPrivateKey(Redacted.value(leaf.key)),
    extensions: leafExtensions(leaf.use, leaf.names)
  }
  return { serial, certificate: certificateOf(fields, signer(issuer)) }
}

export const revocationList = (issuer: Issuer, list: RevocationList): string => revocationListOf(list, signer(issuer))
