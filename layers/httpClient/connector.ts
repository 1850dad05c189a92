import { X509Certificate } from "node:crypto"
import { getCACertificates, setDefaultCACertificates } from "node:tls"
import type * as Undici from "@effect/platform-node/Undici"
import { Evidence } from "../../src/domain/connection/Evidence.ts"
import type { TlsFiles } from "../../src/services/Transport.ts"
import { shown } from "./certificate.ts"
import { glance } from "./glance.ts"
import { readMaterials } from "./material.ts"
import { limitUnsent } from "./unsent.ts"
import { watch } from "./watch.ts"

const CONNECT_TIMEOUT_MS = 10_000

let trustsSystem = false

/** Node trusts a list of its own unless it is told otherwise; where the system has none, that one stays. */
const trustSystem = (): void => {
  if (trustsSystem) return
  trustsSystem = true
  const system = getCACertificates("system")
  if (system.length > 0) setDefaultCACertificates([...system, ...getCACertificates("extra")])
}

/** Verdicts on the other side's certificate. */
const DISBELIEF = /^(CERT_|UNABLE_TO_|INVALID_CA$|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED)/

const certificateIn = (error: Error): X509Certificate | undefined => {
  const cert = "cert" in error ? error.cert : undefined
  const raw = cert !== null && typeof cert === "object" && "raw" in cert ? cert.raw : undefined
  return Buffer.isBuffer(raw) ? new X509Certificate(raw) : undefined
}

type Known = Pick<Evidence, "tls" | "own">

/** The error, with what is known of it as `evidence`. */
const explained = async (error: Error, options: Undici.buildConnector.Options, known: Known): Promise<Error> => {
  const { hostname, port, servername } = options
  const code = "code" in error ? String(error.code) : ""
  const certificate = certificateIn(error)
  const seen = DISBELIEF.test(code)
    ? await glance({ host: hostname, port: Number(port) || 443, servername: servername ?? "" })
    : { ...(certificate && { theirs: shown(certificate) }) }
  return Object.assign(error, { evidence: new Evidence({ ...known, ...seen, phase: "connecting" }) })
}

const open = (
  make: Undici.buildConnector.connector,
  options: Undici.buildConnector.Options,
  known: Known
): Promise<Opened | Error> =>
  new Promise((resolve) =>
    make(options, (error, socket) => {
      // When it fails, undici does not say `null` for the socket, whatever its types say.
      if (error !== null) return resolve(error)
      if (socket === null) return
      watch(socket, known)
      limitUnsent(socket)
      resolve(socket)
    })
  )
type Opened = Exclude<Parameters<Undici.buildConnector.Callback>[1], null>

const connect = async (tls: TlsFiles, options: Undici.buildConnector.Options): Promise<Opened | Error> => {
  const { buildConnector } = await import("@effect/platform-node/Undici")
  const { own, ...files } = await readMaterials(tls)
  const secure = options.protocol === "https:"
  if (secure && files.ca === undefined) trustSystem()
  const known = { tls: secure, ...(own && { own }) }
  const make = buildConnector({
    ...files,
    ...(tls.unix_socket !== undefined && { socketPath: tls.unix_socket }),
    rejectUnauthorized: tls.verify_tls,
    allowH2: false,
    timeout: CONNECT_TIMEOUT_MS
  })
  const opened = await open(make, options, known)
  return opened instanceof Error ? explained(opened, options, known) : opened
}

/** Reads the files anew for every connection, so that what appears or is renewed on disk is used without a restart. */
export const connector =
  (tls: TlsFiles): Undici.buildConnector.connector =>
  async (options, callback) => {
    const opened = await connect(tls, options).catch((error: unknown) =>
      error instanceof Error ? error : new Error(String(error))
    )
    if (opened instanceof Error) callback(opened, null)
    else callback(null, opened)
  }
