/** From the settings to what the shipper's programs need. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import { type ShipperSettings, timetableOf } from "../../domain/shipperSettings.ts"
import { version } from "../../domain/version.ts"
import { Transport } from "../../services/Transport.ts"
import { Installation } from "../../shipper/checkin.ts"
import { Retention } from "../../shipper/cleanup.ts"
import { Destination, Unanswered } from "../../shipper/Destination.ts"
import { Cadence } from "../../shipper/daemon.ts"
import { Effort } from "../../shipper/Effort.ts"
import { Link } from "../../shipper/Link.ts"
import { Patience } from "../../shipper/Patience.ts"
import { Progress } from "../../shipper/Progress.ts"
import { Pace } from "../../shipper/pass.ts"
import { Resumption } from "../../shipper/resume/Resumption.ts"
import { readToken } from "../../token.ts"

const tokenOf = (settings: ShipperSettings["receiver"]) =>
  settings.bearer_token_file === undefined
    ? Effect.succeed(settings.bearer_token)
    : readToken(settings.bearer_token_file).pipe(
        Effect.mapError(
          ({ file, message }) =>
            new Unanswered({
              error: `${message}; to mend: put this host's token into it: sudo install -m 400 -o cis490 TOKEN ${file}`,
              code: "ETOKEN",
              connected: false
            })
        )
      )

const layerDestination = ({ host_id, receiver, shipper }: ShipperSettings) =>
  Layer.effect(
    Destination,
    Effect.map(Effect.context<Effect.Services<ReturnType<typeof tokenOf>>>(), (context) => ({
      url: receiver.url,
      hostId: host_id,
      token: Effect.provideContext(tokenOf(receiver), context),
      requestTimeoutSeconds: shipper.request_timeout_s
    }))
  )

const layerClient = ({ receiver }: ShipperSettings) =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.flatMap(Transport, (transport) => transport.client(receiver))
  )

export const layerShipper = (settings: ShipperSettings) => {
  const { code, paths, retention, shipper } = settings
  return Layer.mergeAll(
    layerDestination(settings),
    layerClient(settings),
    Link.layer(timetableOf(shipper)).pipe(Layer.provideMerge(Progress.layer)),
    Patience.layer(shipper.backoff_seconds),
    Effort.layer(shipper.concurrency),
    Resumption.layer({ aboveBytes: shipper.resume_above_bytes, backoffSeconds: shipper.backoff_seconds }),
    Layer.succeed(Pace, {
      concurrency: shipper.concurrency,
      compressionLevel: shipper.compression_level,
      order: shipper.order
    }),
    Layer.succeed(Installation, { version, repoPath: code.repo_path }),
    Layer.succeed(Retention, {
      keepLocalForDays: retention.keep_local_for_days,
      quarantineKeepDays: retention.quarantine_keep_days,
      cleanupIntervalSeconds: retention.quarantine_cleanup_interval_s,
      minFreeBytes: paths.min_free_bytes
    }),
    Layer.succeed(Cadence, {
      scanIntervalSeconds: shipper.scan_interval_s,
      backoffSeconds: shipper.backoff_seconds,
      checkinIntervalSeconds: shipper.checkin_interval_s,
      cleanupIntervalSeconds: retention.quarantine_cleanup_interval_s
    })
  )
}
