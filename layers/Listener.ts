import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { Listener, ListenFailed } from "../src/services/Listener.ts"
import { layerHttpServer } from "./HttpServer.ts"

export const layerNode = Layer.succeed(Listener, {
  listen: (address, tls) =>
    Layer.build(layerHttpServer({ listen: address, tls })).pipe(
      Effect.map((context) => Context.get(context, HttpServer)),
      Effect.catchTag("ListenError", ({ message }) => Effect.fail(new ListenFailed({ message })))
    )
})
