/**
 * TLS 1.3 and 1.2, with certificates, authorities and revocation lists that follow their files. Who has no good certificate gets
 * through the handshake and is told so by the routes, in words: all that a refusal in the handshake could say is an alert, and
 * half of the time the client sees a cut connection instead.
 */
import { constants } from "node:crypto"
import type { Server as PlainServer, ServerOptions } from "node:http"
import type { Server } from "node:https"
import type { Socket } from "node:net"
import type { TLSSocket } from "node:tls"
import type { ListenTls } from "../../src/services/Listener.ts"
import type { Certificate } from "../../src/services/Peer.ts"
import { certificateOf } from "./certificate.ts"
import { contextOf, looksOf, type Material, MaterialError, readMaterial } from "./material.ts"

const HANDSHAKE_TIMEOUT_MS = 15_000

export interface Tls {
  readonly server: PlainServer
  /** What the client on this connection is known by now. */
  readonly certificateOn: (socket: Socket) => Certificate
  /** Whether the files have changed since this connection began: it should end with the answer that is due. */
  readonly isOld: (socket: Socket) => boolean
}

/** What is worth a line in the log. */
export interface Report {
  readonly renewed: () => void
  /** Said once for each way of being broken; the old files' content stays in use. */
  readonly broken: (words: string) => void
  readonly handshakeFailed: (error: NodeJS.ErrnoException, from: string) => void
}

/** How a connection began. */
interface Begun {
  readonly material: Material
  readonly certificate: Certificate
}

const same = (a: ReadonlyArray<string> = [], b: ReadonlyArray<string> = []): boolean => a.join("\n") === b.join("\n")

/** Whether both vouch for the same client certificates. */
const sameTrust = (a: Material, b: Material): boolean => same(a.ca, b.ca) && same(a.crl, b.crl)

const sameMaterial = (a: Material, b: Material): boolean => sameTrust(a, b) && a.cert === b.cert && a.key === b.key

const handshakeOf = (material: Material) => ({
  ...contextOf(material),
  minVersion: "TLSv1.2" as const,
  // A session that is taken up again carries yesterday's word on the client's certificate.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (material.ca === undefined ? 0 : constants.SSL_OP_NO_TICKET)
})

/** What tells a connection apart while its handshake lasts: the socket under TLS is not to be had from the one above it. */
const endsOf = ({ localAddress, localPort, remoteAddress, remotePort }: Socket): string =>
  [remoteAddress, remotePort, localAddress, localPort].join(" ")

/** Throws `MaterialError` when the files cannot be used now. */
export const makeTls = (files: ListenTls, options: ServerOptions, report: Report): Tls => {
  // Not an `import`: who serves without TLS does not load it.
  const https = process.getBuiltinModule("node:https")
  let looks = looksOf(files)
  let material = readMaterial(files)
  let trouble: string | undefined
  const server: Server = https.createServer({
    ...options,
    ...handshakeOf(material),
    requestCert: files.client_ca !== undefined,
    rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS
  })

  const use = (fresh: Material): void => {
    const wasTrouble = trouble !== undefined
    trouble = undefined
    if (!sameMaterial(fresh, material)) {
      server.setSecureContext(handshakeOf(fresh))
      material = fresh
      server.closeIdleConnections()
    } else if (!wasTrouble) return
    report.renewed()
  }

  const refresh = (): void => {
    const now = looksOf(files)
    if (now === looks) return
    looks = now
    try {
      use(readMaterial(files))
    } catch (thrown) {
      if (!(thrown instanceof MaterialError)) throw thrown
      if (thrown.message !== trouble) report.broken(thrown.message)
      trouble = thrown.message
    }
  }

  const handshaking = new Map<string, { readonly socket: Socket; readonly material: Material }>()
  const connections = new WeakMap<Socket, Begun>()
  // Before Node's own listener, which begins the handshake with what is in use by then.
  server.prependListener("connection", (socket: Socket) => {
    refresh()
    const ends = endsOf(socket)
    handshaking.set(ends, { socket, material })
    socket.once("close", () => {
      if (handshaking.get(ends)?.socket === socket) handshaking.delete(ends)
    })
  })
  server.on("secureConnection", (socket: TLSSocket) => {
    // As every plain HTTP server of Node has it. Not before the handshake is through: half of one is none.
    socket.allowHalfOpen = true
    const ends = endsOf(socket)
    connections.set(socket, {
      material: handshaking.get(ends)?.material ?? material,
      certificate: certificateOf(socket)
    })
    handshaking.delete(ends)
  })
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    report.handshakeFailed(error, socket.remoteAddress ?? "unknown")
    socket.destroy()
  })

  const close = server.close.bind(server)
  server.close = (callback) => {
    // To Node these are connections in use, and it would wait for them.
    for (const { socket } of handshaking.values()) socket.destroy()
    return close(callback)
  }

  return {
    server,
    certificateOn: (socket) => {
      refresh()
      const begun = connections.get(socket)
      if (begun === undefined) return { _tag: "None" }
      const { certificate } = begun
      return certificate._tag === "None" || sameTrust(begun.material, material) ? certificate : { _tag: "Stale" }
    },
    isOld: (socket) => connections.get(socket)?.material !== material
  }
}
