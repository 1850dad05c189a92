import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { PlatformError } from "effect/PlatformError"
import type { ShipperSettings } from "../../domain/shipperSettings.ts"
import { Identity } from "../../services/Identity.ts"
import { Layout, pathsBelow } from "../../shipper/layout.ts"
import { inWords } from "../../shipper/operator/report.ts"
import { loadShipper } from "../config.ts"
import { attention } from "../exit.ts"

export const DEFAULT_CONFIG = "/etc/cis490/lab-host.toml"

/** The program itself: what every command takes. */
export const root = Command.make("cis490-shipper").pipe(
  Command.withSharedFlags({
    config: Flag.File("config").pipe(
      Flag.withDescription(`Configuration of this host (${DEFAULT_CONFIG})`),
      Flag.withDefault(DEFAULT_CONFIG)
    )
  }),
  Command.withDescription("Packs finished episodes of this lab host, ships them, retires or quarantines them")
)

const isPlatformError = (error: unknown): error is PlatformError => error instanceof PlatformError

/** Reads the configuration that the command line names and works on its data root. What the disk refuses is said in words. */
export const onHost = <A, E, R>(work: (settings: ShipperSettings) => Effect.Effect<A, E | PlatformError, R>) =>
  Effect.gen(function* () {
    const { config } = yield* root
    const settings = yield* loadShipper(config)
    yield* Effect.flatMap(Identity, (identity) => identity.actAsOwnerOf(settings.paths.data_root))
    return yield* work(settings).pipe(Effect.provideService(Layout, pathsBelow(settings.paths.data_root)))
  }).pipe(Effect.catchIf(isPlatformError, (error) => attention(inWords(error))))
