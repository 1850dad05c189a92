import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { Listener, ListenFailed } from "../src/services/Listener.ts"
import { layerHttpServer } from "./HttpServer.ts"

export const layerNode = Layer.succeed(Listener, {
  listen: (address) =>
    Layer.build(layerHttpServer({ listen: address })).pipe(
      Effect.map((context) => Context.get(context, HttpServer)),
      Effect.mapError(({ message }) => new ListenFailed({ message }))
    )
})
