import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerHttpClient } from "../../layers/HttpClient.ts"
import * as Forgejo from "../../src/receiver/commitSource/forgejo.ts"
import * as Git from "../../src/receiver/commitSource/git.ts"
import { commitSourceContract } from "../support/commitSourceContract.ts"
import { startFakeForgejo } from "../support/fakeForgejo.ts"

commitSourceContract("git", ({ path }) =>
  Effect.succeed({
    layer: (wanted) => Git.layer({ path, ...wanted }).pipe(Layer.provide(NodeServices.layer)),
    published: Effect.void
  })
)

for (const cap of [50, 7]) {
  commitSourceContract(`forgejo, pages of ${cap}`, ({ path }) =>
    Effect.acquireRelease(
      Effect.promise(() => startFakeForgejo(path, { cap })),
      (server) => Effect.promise(server.close)
    ).pipe(
      Effect.map(({ name, owner, url }) => ({
        layer: (wanted) =>
          Forgejo.layer({ url, owner, repository: name, token: Effect.undefined, ...wanted }).pipe(
            Layer.provide(layerHttpClient({ verify_tls: true }))
          ),
        published: Effect.void
      }))
    )
  )
}
