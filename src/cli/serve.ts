/** What the programs that serve have in common. */
import * as Effect from "effect/Effect"
import { HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { Listener, type ListenTls } from "../services/Listener.ts"

interface Settings {
  readonly listen: string
  readonly tls: Partial<ListenTls>
}

const listenTls = ({ cert, client_ca, client_crl, key }: Settings["tls"]): ListenTls | undefined =>
  cert === undefined || key === undefined
    ? undefined
    : {
        cert,
        key,
        ...(client_ca === undefined ? {} : { client_ca }),
        ...(client_crl === undefined ? {} : { client_crl })
      }

export const layerServer = ({ listen, tls }: Settings) =>
  Layer.effect(
    HttpServer,
    Effect.flatMap(Listener, (listener) => listener.listen(listen, listenTls(tls)))
  )

export const addressWords = (address: HttpServer["Service"]["address"]): string =>
  "path" in address ? `unix:${String(address.path)}` : `${String(address.address)}:${address.port}`
