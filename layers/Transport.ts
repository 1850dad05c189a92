import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import { Transport } from "../src/services/Transport.ts"

export const layerUndici = Layer.succeed(Transport, {
  client: (tls) =>
    // Loaded when it is needed: most commands never speak to the receiver, and undici takes longer to start than they do.
    Effect.promise(() => import("./HttpClient.ts")).pipe(
      Effect.flatMap(({ layerHttpClient }) => Layer.build(layerHttpClient(tls))),
      Effect.map((context) => Context.get(context, HttpClient.HttpClient))
    )
})
