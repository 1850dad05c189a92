import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import type { ReceiverSettings } from "../../domain/receiverSettings.ts"
import * as Auth from "../../receiver/auth.ts"
import * as Fatal from "../../receiver/Fatal.ts"
import * as Hosts from "../../receiver/hosts.ts"
import * as Intake from "../../receiver/intake.ts"
import { layerDataset } from "../../receiver/layerDataset.ts"
import { CRAWL, Limits } from "../../receiver/limits.ts"
import { layerMaster } from "../../receiver/master/layerMaster.ts"
import * as Routes from "../../receiver/routes.ts"
import * as Slots from "../../receiver/slots.ts"
import * as Uploads from "../../receiver/uploads/Uploads.ts"
import { watchdog } from "../../receiver/watchdog.ts"
import { onLocalDisk } from "../../services/LocalDisk.ts"
import { Lookups } from "../../services/Lookups.ts"
import { Notify } from "../../services/Notify.ts"
import { attention, configurationFault } from "../exit.ts"
import { addressWords, layerServer } from "../serve.ts"
import { connectionsOf, contradiction } from "./connections.ts"
import { agentAddresses, fleetFiles } from "./fleet.ts"
import { configuredGate } from "./gate.ts"
import { orHeld } from "./held.ts"
import { hostsDirectory, storeOptions, withSettings } from "./root.ts"
import { configuredTokens } from "./tokens.ts"

const layerLimits = ({ limits }: ReceiverSettings) =>
  Layer.succeed(Limits, {
    maxEpisodeBytes: limits.max_episode_bytes,
    maxUnpackedBytes: limits.max_unpacked_bytes,
    maxMembers: limits.max_members,
    minFreeBytes: limits.min_free_bytes,
    maxConcurrentUploads: limits.max_concurrent_uploads,
    bodyIdleMillis: limits.body_idle_timeout_s * 1000,
    crawl: CRAWL,
    uploads: {
      expiryMillis: limits.upload_expiry_s * 1000,
      maxPerHost: limits.max_uploads_per_host,
      maxBytesPerHost: limits.max_upload_bytes_per_host
    }
  })

/** Everything the routes stand on. */
const layerWorld = Effect.fnUntraced(function* (settings: ReceiverSettings, tokens: Effect.Effect<Auth.Tokens>) {
  const lookups = yield* Lookups
  const gate = yield* configuredGate(settings.version_gate)
  const dataset = layerDataset(storeOptions(settings)).pipe(Layer.provide(lookups.beside(settings.paths.index_path)))
  const incoming = settings.paths.incoming_root
  return Uploads.layer({ incoming }).pipe(
    Layer.provideMerge(Intake.layer({ incoming })),
    Layer.provideMerge(Slots.layer),
    Layer.provideMerge(layerMaster(fleetFiles(settings), agentAddresses(settings))),
    Layer.provideMerge(
      Layer.mergeAll(
        dataset,
        Hosts.layer(hostsDirectory(settings)),
        Auth.layer(tokens, connectionsOf(settings)),
        gate,
        layerLimits(settings)
      )
    ),
    Layer.provideMerge(Fatal.layer)
  )
})

/** Serves until it is interrupted, or until something happened after which it must not go on. */
const serve = Effect.gen(function* () {
  const notify = yield* Notify
  const fatal = yield* Fatal.Fatal
  const { address } = yield* HttpServer
  yield* notify.send("READY=1")
  yield* notify.send("STATUS=taking episodes in")
  yield* Effect.logInfo("listening").pipe(Effect.annotateLogs({ address: addressWords(address) }))
  return yield* Effect.raceFirst(fatal.awaited, Effect.andThen(watchdog, Effect.never))
}).pipe(
  Effect.onInterrupt(() =>
    Effect.andThen(
      Effect.flatMap(Notify, (notify) => notify.send("STOPPING=1")),
      Effect.logInfo("stopping")
    )
  )
)

export const runCommand = Command.make("run", {}, () =>
  withSettings(
    Effect.fnUntraced(function* (settings: ReceiverSettings) {
      const fault = contradiction(settings)
      if (fault !== undefined) return yield* configurationFault(fault)
      // A token file that is set and cannot be read keeps the receiver from opening without it.
      const tokens = yield* Effect.catch(configuredTokens(settings.auth), ({ message }) => configurationFault(message))
      const open = Auth.mayListen(settings.listen, Auth.isProtected(yield* tokens, connectionsOf(settings)))
      if (open !== undefined) return yield* configurationFault(open)
      const world = yield* layerWorld(settings, tokens)
      return yield* serve.pipe(
        Effect.provide(Routes.layer.pipe(Layer.provideMerge(layerServer(settings)), Layer.provideMerge(world))),
        orHeld,
        Effect.catchTag("ListenFailed", ({ message }) => attention(message)),
        Effect.catchTag("TlsUnusable", ({ message }) => configurationFault(message)),
        onLocalDisk
      )
    })
  )
).pipe(
  Command.withDescription("Take episodes in, until stopped"),
  Command.withExamples([{ command: "cis490-receiver run", description: "What the systemd unit starts" }])
)
