/** HTTP over TLS, as clients with good and bad certificates speak it. */
import * as https from "node:https"
import type { TLSSocket } from "node:tls"
import type { Answer, Request } from "./wire.ts"

export interface Trust {
  readonly ca: string
  readonly cert?: string
  readonly key?: string
}

export interface SecureAnswer extends Answer {
  /** The serial number of the server's certificate. */
  readonly serial: string
}

const serialOf = (socket: TLSSocket): string => socket.getPeerCertificate().serialNumber.toLowerCase()

/** Over a connection of its own, unless an agent is given. */
export const sendSecurely = (
  port: number,
  { ca, cert, key }: Trust,
  { body, headers, method, path }: Request,
  options: https.RequestOptions = {}
): Promise<SecureAnswer> =>
  new Promise((resolve, reject) => {
    const request = https.request({
      agent: false,
      ...options,
      host: "localhost",
      port,
      method,
      path,
      headers: { ...headers },
      ca,
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key })
    })
    request.once("error", reject)
    request.once("response", (response) => {
      const serial = serialOf(response.socket as TLSSocket)
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.once("error", reject)
      response.once("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
          serial
        })
      )
    })
    if (body !== undefined) request.flushHeaders()
    request.end(body)
  })
