import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { HttpClient } from "effect/http/HttpClient"
import type { ReceiverSettings } from "../../domain/receiverSettings.ts"
import * as Forgejo from "../../receiver/commitSource/forgejo.ts"
import * as Git from "../../receiver/commitSource/git.ts"
import * as Gate from "../../receiver/gate.ts"
import * as WindowGate from "../../receiver/windowGate.ts"
import { SourceFailed } from "../../services/CommitSource.ts"
import { Transport } from "../../services/Transport.ts"
import { readToken } from "../../token.ts"
import { configurationFault } from "../exit.ts"

type Settings = ReceiverSettings["version_gate"]

/** Where the code is on a machine that was installed as usual. */
const CHECKOUT = "/opt/cis490"

const NO_SOURCE = `version_gate: there is no source of the allowed commits, and ${CHECKOUT} is no git checkout. Set version_gate.forgejo_url, .repo_owner and .repo_name, or version_gate.repo_path; or set version_gate.enabled = false to take in episodes of any code.`

/** A token file wins over the token beside it. */
const tokenOf = Effect.fnUntraced(function* ({ auth_token, auth_token_file }: Settings) {
  if (auth_token_file === undefined) return Effect.succeed(auth_token)
  const context = yield* Effect.context<FileSystem.FileSystem>()
  return readToken(auth_token_file).pipe(
    Effect.mapError(({ message }) => new SourceFailed({ source: "forgejo", message })),
    Effect.provideContext(context)
  )
})

const forgejoOf = Effect.fnUntraced(function* (settings: Settings, url: string) {
  const { branch, repo_name = "", repo_owner = "", window } = settings
  const client = yield* Effect.flatMap(Transport, (transport) => transport.client({ verify_tls: true }))
  const token = yield* tokenOf(settings)
  return yield* Forgejo.make({ url, owner: repo_owner, repository: repo_name, branch, window, token }).pipe(
    Effect.provideService(HttpClient, client)
  )
})

const checkoutOf = Effect.fnUntraced(function* ({ repo_path }: Settings) {
  if (repo_path !== undefined) return repo_path
  const fs = yield* FileSystem.FileSystem
  return (yield* Effect.orElseSucceed(fs.exists(`${CHECKOUT}/.git`), () => false)) ? CHECKOUT : undefined
})

/** Where the allowed commits can be asked for; `undefined` when nowhere. */
export const configuredSources = Effect.fnUntraced(function* (settings: Settings) {
  const { branch, forgejo_url, window } = settings
  const path = yield* checkoutOf(settings)
  const git = path === undefined ? undefined : Git.make({ path, branch, window })
  const first = forgejo_url === undefined ? git : forgejoOf(settings, forgejo_url)
  if (first === undefined) return undefined
  return { first, fallback: forgejo_url === undefined || git === undefined ? Effect.undefined : git }
})

/** The gate as configured. One that could never let anything in is a fault of the configuration. */
export const configuredGate = Effect.fnUntraced(function* (settings: Settings) {
  if (!settings.enabled) {
    yield* Effect.logWarning("the version gate is off: episodes of any code are taken in")
    return Gate.layerOff
  }
  const sources = yield* configuredSources(settings)
  if (sources === undefined) return yield* configurationFault(NO_SOURCE)
  return WindowGate.layer(Effect.all(sources), {
    ttlMillis: settings.cache_ttl_s * 1000,
    remediation: settings.remediation
  })
})
