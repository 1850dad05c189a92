import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { type TlsFiles, Transport } from "../../../src/services/Transport.ts"
import type { Process } from "../kernel/process.ts"
import { makeClient } from "./client.ts"
import type { Network } from "./network.ts"
import { socketError } from "./socketError.ts"

/** Everything travels in the clear, but the files that TLS would need must be there. */
const materialOf = (process: Process, tls: TlsFiles): Effect.Effect<void, Error> =>
  Effect.forEach(
    (["ca_bundle", "client_cert", "client_key"] as const).flatMap((key) => {
      const path = tls[key]
      return path === undefined ? [] : [{ key, path }]
    }),
    ({ key, path }) => {
      const unusable = (code: string) =>
        socketError(code, `mTLS material: ${key} ${path} (${code})`, { phase: "connecting", material: { key, path } })
      return process.call(
        { service: "fs", method: "readFile", target: path, mutates: false },
        () => (process.machine.disk.current().read(path) === undefined ? Exit.fail(unusable("ENOENT")) : Exit.void),
        unusable
      )
    },
    { discard: true }
  )

export const layerTransport = (process: Process, network: Network): Layer.Layer<Transport> =>
  Layer.succeed(Transport, { client: (tls) => Effect.succeed(makeClient(process, network, materialOf(process, tls))) })
