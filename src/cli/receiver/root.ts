import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { isPlatformError, type PlatformError } from "effect/PlatformError"
import type { ReceiverSettings } from "../../domain/receiverSettings.ts"
import type { StoreOptions } from "../../receiver/storePaths.ts"
import { Identity } from "../../services/Identity.ts"
import { wordsOf } from "../../systemError.ts"
import { loadReceiver } from "../config.ts"
import { attention } from "../exit.ts"

export const DEFAULT_CONFIG = "/etc/cis490/receiver.toml"

/** The program itself: what every command takes. */
export const root = Command.make("cis490-receiver").pipe(
  Command.withSharedFlags({
    config: Flag.File("config").pipe(
      Flag.withDescription(`Configuration of the receiver (${DEFAULT_CONFIG})`),
      Flag.withDefault(DEFAULT_CONFIG)
    )
  }),
  Command.withDescription("Takes episodes in, checks them, stores and indexes them")
)

/** Reads the configuration that the command line names. What the disk refuses is said in words. */
export const withSettings = <A, E, R>(work: (settings: ReceiverSettings) => Effect.Effect<A, E | PlatformError, R>) =>
  Effect.gen(function* () {
    const { config } = yield* root
    const settings = yield* loadReceiver(config)
    yield* Effect.flatMap(Identity, (identity) => identity.actAsOwnerOf(settings.paths.store_root))
    return yield* work(settings)
  }).pipe(Effect.catchIf(isPlatformError, (error) => attention(wordsOf(error))))

export const storeOptions = ({ limits, paths }: ReceiverSettings): StoreOptions => ({
  storeRoot: paths.store_root,
  incomingRoot: paths.incoming_root,
  indexPath: paths.index_path,
  maxMembers: limits.max_members,
  maxUnpackedBytes: limits.max_unpacked_bytes
})

/** What hosts said is remembered beside the index. */
export const hostsDirectory = ({ paths }: ReceiverSettings): string => paths.index_path.replace(/[^/]*$/, "hosts")
