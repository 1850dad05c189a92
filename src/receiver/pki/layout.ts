/** Where a small authority keeps what it has, below one directory that is its owner's only. */
import type { Issued } from "../../services/Authority.ts"

export interface Paths {
  readonly directory: string
  readonly key: string
  readonly certificate: string
  readonly revocations: string
  /** A certificate of everything that was ever issued. */
  readonly issued: string
  readonly lock: string
}

export const pathsIn = (directory: string): Paths => ({
  directory,
  key: `${directory}/ca.key`,
  certificate: `${directory}/ca.pem`,
  revocations: `${directory}/crl.pem`,
  issued: `${directory}/issued`,
  lock: `${directory}/.lock`
})

export type Kind = "host" | "server"

/** Who a certificate was issued to. No name has a `~` in it. */
export interface Holder {
  readonly kind: Kind
  readonly name: string
}

export const issuedPath = ({ issued }: Paths, { kind, name }: Holder, serial: Issued["serial"]): string =>
  `${issued}/${kind}~${name}~${serial}.pem`

/** What a file in `issued/` is; `undefined` when it is not ours. */
export const parseIssued = (file: string): (Holder & { readonly serial: string }) | undefined => {
  const [, kind, name = "", serial = ""] = /^(host|server)~([^~/]+)~([0-9a-f]+)\.pem$/.exec(file) ?? []
  return kind === "host" || kind === "server" ? { kind, name, serial } : undefined
}

/** What is carried to the holder, or used where it is. */
export const bundlePath = ({ directory }: Paths, { kind, name }: Holder): string => `${directory}/${kind}s/${name}`
