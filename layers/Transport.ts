import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import { Transport } from "../src/services/Transport.ts"
import { layerHttpClient } from "./HttpClient.ts"

export const layerUndici = Layer.succeed(Transport, {
  client: (tls) =>
    Effect.map(Layer.build(layerHttpClient(tls)), (context) =>
      HttpClient.HttpClient.pipe(Effect.provideContext(context))
    ).pipe(Effect.flatten)
})
