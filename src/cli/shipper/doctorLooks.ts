import * as Effect from "effect/Effect"
import { asJson, commonParts, partsOf, smallFiles } from "../../doctor/bundle.ts"
import { listing } from "../../doctor/listing.ts"
import { Ourselves, ourselves } from "../../doctor/ourselves.ts"
import { checksWith, checksWithout } from "../../doctor/shipper.ts"
import { ShipperSettings } from "../../domain/shipperSettings.ts"
import { Layout, pathsBelow } from "../../shipper/layout.ts"
import { status } from "../../shipper/operator/status.ts"
import { type Flags, lookAtConfig, report } from "../doctorReport.ts"
import { DEFAULT_CONFIG, root } from "./root.ts"
import { layerShipper } from "./services.ts"

/** Of the bundle: what this host has, by name and size, and what it noted of it. */
const parts = Effect.gen(function* () {
  const paths = yield* Layout
  return partsOf([
    ...commonParts,
    { name: "status.json", read: Effect.map(status, asJson) },
    { name: "listing.txt", read: listing(paths.root) },
    { name: "state", read: smallFiles(paths.state, "state") }
  ])
})

const lookAtAll = Effect.fnUntraced(function* (flags: Flags & { readonly since: string }) {
  const config = yield* lookAtConfig(ShipperSettings)
  const { settings } = config
  if (settings === undefined) {
    return yield* report(flags, { config, checks: checksWithout(flags.since), parts: commonParts })
  }
  return yield* Effect.gen(function* () {
    const checks = yield* checksWith(settings, flags.since, layerShipper(settings))
    yield* report(flags, { config, checks, parts: yield* parts })
  }).pipe(Effect.provideService(Layout, pathsBelow(settings.paths.data_root)))
})

export const doctor = Effect.fnUntraced(function* (flags: Flags & { readonly since: string }) {
  const { config } = yield* root
  return yield* Effect.provideService(
    lookAtAll(flags),
    Ourselves,
    ourselves("cis490-shipper", config, config === DEFAULT_CONFIG)
  )
})
