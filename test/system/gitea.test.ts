/** The contract of a source of commits, against the real server. Needs Go and a C compiler, and time for the first build. */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { afterAll, beforeAll } from "vitest"
import { layerHttpClient } from "../../layers/HttpClient.ts"
import * as Forgejo from "../../src/receiver/commitSource/forgejo.ts"
import { asked, commitSourceContract } from "../support/commitSourceContract.ts"
import { type Gitea, startGitea } from "../support/gitea.ts"
import { needTools } from "../support/tools.ts"

const BUILD_MILLIS = 45 * 60_000

let gitea: Gitea
beforeAll(async () => {
  needTools("go", "gcc", "git")
  gitea = await startGitea()
}, BUILD_MILLIS)
afterAll(() => gitea?.stop())

const layer = (repository: string, token: string | undefined, wanted = { branch: "main", window: 10 }) =>
  Forgejo.layer({
    url: gitea.url,
    owner: gitea.owner,
    repository,
    token: Effect.succeed(token === undefined ? undefined : Redacted.make(token)),
    ...wanted
  }).pipe(Layer.provide(layerHttpClient({ verify_tls: true })))

commitSourceContract("gitea", ({ path }) =>
  Effect.promise(async () => {
    const name = await gitea.makeRepository()
    return {
      layer: (wanted) => layer(name, gitea.token, wanted),
      published: Effect.promise(() => gitea.publish(path, name))
    }
  })
)

it.live("says what is wrong with a token, a name or an empty repository", () =>
  Effect.gen(function* () {
    const name = yield* Effect.promise(() => gitea.makeRepository())
    const words = (repository: string, token: string | undefined) =>
      Effect.map(Effect.flip(asked(layer(repository, token))), ({ message }) => message)
    expect(yield* words(name, "0".repeat(40))).toContain("401")
    expect(yield* words(name, undefined)).toContain("404")
    expect(yield* words("absent", gitea.token)).toContain("404")
    expect(yield* words(name, gitea.token)).toContain("is empty")
  })
)
