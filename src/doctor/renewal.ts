/** How a certificate is renewed that the receiver's own small authority has issued; `undefined` for any other. */
import type { Certificate } from "../services/Certificates.ts"
import { elsewhere, word } from "./shell.ts"

export type Renewal = (certificate: Certificate) => string | undefined

const OURS = /(?:^|, )CN=CIS490 lab /
const DEFAULT_DIRECTORY = "/var/lib/cis490-receiver/pki"

/** Of the receiver, where its certificate is used in the place in which it was issued. */
export const ofServer =
  (file: string): Renewal =>
  ({ issuer, names }) => {
    const directory = /^(.+)\/servers\/[^/]+\/server\.pem$/.exec(file)?.[1]
    if (directory === undefined || !OURS.test(issuer) || names.length === 0) return undefined
    const where = directory === DEFAULT_DIRECTORY ? "" : ` --dir ${word(directory)}`
    return `sudo cis490-receiver pki issue${where}${names.map((name) => ` --server ${word(name)}`).join("")}`
  }

/** Of a lab host; `receiver` is where the authority is. */
export const ofHost =
  (hostId: string, receiver: string): Renewal =>
  ({ issuer }) =>
    OURS.test(issuer)
      ? elsewhere(`${receiver}; its bundle is then carried here`, `sudo cis490-receiver pki issue ${word(hostId)}`)
      : undefined

export const ofNobody: Renewal = () => undefined
