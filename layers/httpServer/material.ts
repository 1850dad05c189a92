/** What TLS is configured with, read from its files whole or not at all. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto"
import { readFileSync, statSync } from "node:fs"
import type { ListenTls } from "../../src/services/Listener.ts"

/** Says which key, which file, and why; never what is in it. */
export class MaterialError extends Error {
  override readonly name = "MaterialError"
}

export interface Material {
  readonly cert: string
  readonly key: string
  readonly ca?: ReadonlyArray<string>
  readonly crl?: ReadonlyArray<string>
}

/** Not an `import`: who serves without TLS does not load it. */
const createSecureContext: typeof import("node:tls").createSecureContext = (options) =>
  process.getBuiltinModule("node:tls").createSecureContext(options)

const KEYS = ["cert", "key", "client_ca", "client_crl"] as const
type Key = (typeof KEYS)[number]

const MAX_BYTES = 16 * 1024 * 1024

const words: Readonly<Record<string, string>> = {
  ENOENT: "is missing",
  EACCES: "may not be read by this user",
  EISDIR: "is a directory"
}

const unusable = (key: Key, path: string, why: string): MaterialError => new MaterialError(`tls.${key} ${path} ${why}`)

const wordsOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

const text = (key: Key, path: string): string => {
  try {
    const stats = statSync(path)
    if (!stats.isFile()) throw unusable(key, path, "is not a file")
    if (stats.size > MAX_BYTES) throw unusable(key, path, `is larger than ${MAX_BYTES} bytes`)
    return readFileSync(path, "utf8")
  } catch (thrown) {
    if (thrown instanceof MaterialError) throw thrown
    const { code = "", message } = thrown as NodeJS.ErrnoException
    throw unusable(key, path, words[code] ?? `cannot be read (${message})`)
  }
}

const blocks = (pem: string, label: string): ReadonlyArray<string> =>
  pem.match(new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----`, "g")) ?? []

/** Every certificate of a file: OpenSSL would silently take a file without one for an authority that vouches for nobody. */
const certificates = (key: Key, path: string): readonly [X509Certificate, ...ReadonlyArray<X509Certificate>] => {
  const pem = text(key, path)
  const begun = pem.match(/-----BEGIN CERTIFICATE-----/g)?.length ?? 0
  const found = blocks(pem, "CERTIFICATE").map((block, i) => {
    try {
      return new X509Certificate(block)
    } catch (thrown) {
      throw unusable(key, path, `holds a certificate that is broken, number ${i + 1} (${wordsOf(thrown)})`)
    }
  })
  const [first, ...rest] = found
  if (first === undefined || found.length !== begun) throw unusable(key, path, "holds no whole certificate in PEM")
  return [first, ...rest]
}

const privateKey = (path: string): { readonly pem: string; readonly object: KeyObject } => {
  const pem = text("key", path)
  try {
    return { pem, object: createPrivateKey(pem) }
  } catch {
    const encrypted = /ENCRYPTED/.test(pem)
    throw unusable(
      "key",
      path,
      encrypted ? "is encrypted; it has to lie there without a passphrase" : "holds no private key in PEM"
    )
  }
}

const lists = (path: string): ReadonlyArray<string> => {
  const found = blocks(text("client_crl", path), "X509 CRL")
  if (found.length === 0) throw unusable("client_crl", path, "holds no revocation list in PEM")
  try {
    createSecureContext({ crl: [...found] })
    return found
  } catch {
    throw unusable("client_crl", path, "holds a revocation list that is broken")
  }
}

/** Throws `MaterialError` unless all of it can be used, together. */
export const readMaterial = ({ cert, client_ca, client_crl, key }: ListenTls): Material => {
  const chain = certificates("cert", cert)
  const secret = privateKey(key)
  if (!chain[0].checkPrivateKey(secret.object)) throw unusable("key", key, `does not belong to tls.cert ${cert}`)
  const material: Material = {
    cert: chain.map(String).join(""),
    key: secret.pem,
    ...(client_ca === undefined ? {} : { ca: certificates("client_ca", client_ca).map(String) }),
    ...(client_crl === undefined ? {} : { crl: lists(client_crl) })
  }
  try {
    createSecureContext(contextOf(material))
    return material
  } catch (thrown) {
    throw unusable("cert", cert, `cannot be used (${wordsOf(thrown)})`)
  }
}

/** As Node wants it. */
export const contextOf = ({ ca, cert, crl, key }: Material) => ({
  cert,
  key,
  ...(ca === undefined ? {} : { ca: [...ca] }),
  ...(crl === undefined ? {} : { crl: [...crl] })
})

const look = (path: string | undefined): string => {
  if (path === undefined) return ""
  try {
    const { ctimeNs, dev, ino, mtimeNs, size } = statSync(path, { bigint: true })
    return [dev, ino, size, mtimeNs, ctimeNs].join("/")
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code ?? "unknown"
  }
}

/** Another text after any of the files was written, replaced, removed, or could not be looked at. */
export const looksOf = (files: ListenTls): string => KEYS.map((key) => look(files[key])).join(" ")
