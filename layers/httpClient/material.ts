/** The PEM files that TLS is configured with, read when they are needed. */
import { createPrivateKey, X509Certificate } from "node:crypto"
import { readFile } from "node:fs/promises"
import { Evidence, type ShownCertificate } from "../../src/domain/connection/Evidence.ts"
import { MISMATCH, NOT_PEM } from "../../src/domain/connection/material.ts"
import type { TlsFiles } from "../../src/services/Transport.ts"
import { shown } from "./certificate.ts"

type Key = "ca_bundle" | "client_cert" | "client_key"

/**
 * A file that TLS is configured with cannot be used now. A request fails with an `HttpClientError` whose `reason.cause` is this;
 * the next connection tries again.
 */
export class TlsMaterialError extends Error {
  override readonly name = "TlsMaterialError"
  /** The system's, or one of `src/domain/connection/material.ts`. */
  readonly code: string
  readonly evidence: Evidence
  constructor(key: Key, path: string, code: string, cause: unknown) {
    super(`mTLS material: ${key} ${path} (${cause instanceof Error ? cause.message : code})`, { cause })
    this.code = code
    this.evidence = new Evidence({ phase: "connecting", tls: true, material: { key, path } })
  }
}

export interface Materials {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
  readonly own?: ShownCertificate & { readonly path: string }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "UNKNOWN"

const read = async (key: Key, path: string | undefined): Promise<Buffer | undefined> => {
  if (path === undefined) return undefined
  try {
    return await readFile(path)
  } catch (error) {
    throw new TlsMaterialError(key, path, codeOf(error), error)
  }
}

const parse = <A>(key: Key, path: string, call: () => A): A => {
  try {
    return call()
  } catch (error) {
    throw new TlsMaterialError(key, path, NOT_PEM, error)
  }
}

/**
 * One after the other: of several that cannot be used, the first is named every time. All are looked into here: OpenSSL takes no
 * notice of a CA file without a certificate, and does not say which file it does not like.
 */
export const readMaterials = async ({ ca_bundle, client_cert, client_key }: TlsFiles): Promise<Materials> => {
  const ca = await read("ca_bundle", ca_bundle)
  if (ca !== undefined && ca_bundle !== undefined) parse("ca_bundle", ca_bundle, () => new X509Certificate(ca))
  const cert = await read("client_cert", client_cert)
  const key = await read("client_key", client_key)
  const own = cert && client_cert && parse("client_cert", client_cert, () => new X509Certificate(cert))
  if (own && key && client_key) {
    const privateKey = parse("client_key", client_key, () => createPrivateKey(key))
    if (!own.checkPrivateKey(privateKey)) throw new TlsMaterialError("client_key", client_key, MISMATCH, undefined)
  }
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(own && client_cert && { own: { path: client_cert, ...shown(own) } })
  }
}
