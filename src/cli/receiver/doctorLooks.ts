import * as Effect from "effect/Effect"
import { asJson, commonParts, partsOf } from "../../doctor/bundle.ts"
import { listing } from "../../doctor/listing.ts"
import { Ourselves, ourselves } from "../../doctor/ourselves.ts"
import { checksWith, checksWithout } from "../../doctor/receiver.ts"
import { type ReceiverSettings, ReceiverSettings as Settings } from "../../domain/receiverSettings.ts"
import { readHosts } from "../../receiver/hosts.ts"
import { type Flags, lookAtConfig, report } from "../doctorReport.ts"
import { connectionsOf, contradiction } from "./connections.ts"
import { fleetFiles } from "./fleet.ts"
import { configuredSources } from "./gate.ts"
import { DEFAULT_CONFIG, hostsDirectory, root, storeOptions } from "./root.ts"

/** Of the bundle: what the store has, by name and size, and what the hosts said. */
const partsFor = (settings: ReceiverSettings) =>
  partsOf([
    ...commonParts,
    { name: "hosts.json", read: Effect.map(readHosts(hostsDirectory(settings)), asJson) },
    { name: "store.txt", read: listing(settings.paths.store_root) },
    { name: "incoming.txt", read: listing(settings.paths.incoming_root) }
  ])

const sourcesOf = ({ version_gate }: ReceiverSettings) =>
  Effect.flatMap(configuredSources(version_gate), (sources) =>
    sources === undefined ? Effect.undefined : Effect.all(sources)
  )

const lookAtAll = Effect.fnUntraced(function* (flags: Flags) {
  const config = yield* lookAtConfig(Settings)
  const { settings } = config
  if (settings === undefined) return yield* report(flags, { config, checks: checksWithout, parts: commonParts })
  const { certificates, proxy } = connectionsOf(settings)
  const where = {
    store: storeOptions(settings),
    hosts: hostsDirectory(settings),
    fleet: fleetFiles(settings),
    connections: { certificates, proxy: proxy !== undefined, contradiction: contradiction(settings) }
  }
  const checks = yield* checksWith(settings, where, sourcesOf(settings))
  return yield* report(flags, { config, checks, parts: partsFor(settings) })
})

export const doctor = Effect.fnUntraced(function* (flags: Flags) {
  const { config } = yield* root
  return yield* Effect.provideService(
    lookAtAll(flags),
    Ourselves,
    ourselves("cis490-receiver", config, config === DEFAULT_CONFIG)
  )
})
