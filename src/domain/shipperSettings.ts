import * as Schema from "effect/Schema"
import { defaulted, differ, optional, required, table, tables, together } from "./setting.ts"
import {
  backoff,
  baseUrl,
  beginning,
  boolean,
  days,
  end,
  hostId,
  integer,
  integerFrom,
  oneOf,
  path,
  rate,
  seconds,
  secretFile,
  timeout,
  token,
  weekdays
} from "./settingValue.ts"
import type { Timetable } from "./timetable.ts"

const paths = Schema.Struct({
  data_root: defaulted(path, "/var/lib/cis490/data", "Where episodes/, outbox/, shipped/, quarantine/ and state/ lie."),
  min_free_bytes: defaulted(
    integerFrom(0, "bytes"),
    1_073_741_824,
    "Below this much free space shipped/ is pruned ahead of its days. Bytes."
  )
})

const receiver = Schema.Struct({
  url: required(baseUrl, "The receiver, for example https://collector.wg."),
  ca_bundle: optional(path, "PEM file of the authorities that may vouch for the receiver; the system's if not set."),
  client_cert: optional(path, "PEM file of this host's certificate, for mutual TLS; with client_key."),
  client_key: optional(secretFile, "PEM file of the key to client_cert."),
  bearer_token: optional(token, "This host's token. bearer_token_file is the better place."),
  bearer_token_file: optional(secretFile, "File that holds the token; it wins over bearer_token."),
  verify_tls: defaulted(boolean, true, "Whether the receiver's certificate is checked. Leave it on.")
}).check(together("client_cert", "client_key"))

/** Which of the waiting episodes goes first. */
export const ORDERS = ["oldest-first", "newest-first", "smallest-first"] as const
export type Order = (typeof ORDERS)[number]

const window = Schema.Struct({
  days: defaulted(
    weekdays,
    ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
    "The days on which the window begins, by the clock on the wall."
  ),
  from: defaulted(beginning, "00:00", "When it begins, local time."),
  to: defaulted(end, "24:00", "When it ends; before its beginning = on the day after."),
  rate: optional(
    rate("nothing is sent"),
    "What goes at most while it is on; 0 = nothing; no limit if not set. Bytes per second."
  )
}).check(differ("from", "to", "another time than from; a whole day is from 00:00 to 24:00"))

const shipper = Schema.Struct({
  scan_interval_s: defaulted(seconds, 5, "Pause between two passes. Seconds."),
  request_timeout_s: defaulted(timeout, 60, "How long a request may stand still, not how long it may take. Seconds."),
  concurrency: defaulted(
    integer(1, 64),
    4,
    "Episodes in hand at a time; of those above 1 MiB half are packed at a time, two at least."
  ),
  compression_level: defaulted(
    integer(1, 19),
    3,
    "Level of zstd, 1 to 19: higher is smaller and slower. One episode at a time goes to 8 by itself while a slow line is full and would not wait for it."
  ),
  backoff_seconds: defaulted(
    backoff,
    [1, 2, 4, 8, 16, 32, 60, 120, 300],
    "Longest pause after the first, second, … failed pass in a row, the last one repeating. Seconds."
  ),
  checkin_interval_s: defaulted(seconds, 300, "How often the host checks in with the receiver; 0 = never. Seconds."),
  order: defaulted(oneOf(ORDERS), "oldest-first", `Which waiting episode goes first: ${ORDERS.join(", ")} (in bytes).`),
  resume_above_bytes: defaulted(
    integerFrom(0, "bytes"),
    4_194_304,
    "A larger tarball, one that takes long, or one above 64 KiB that was cut is sent in appends. Bytes."
  ),
  rate_limit: defaulted(
    rate("no limit"),
    0,
    "What all episodes together may take of the line; 0 = no limit, unlike the rate of a window. Bytes per second."
  ),
  window: tables(window, "Times with a rate of their own; the first that is on counts, rate_limit outside of all.")
})

const code = Schema.Struct({
  repo_path: defaulted(path, "/opt/cis490", "The checkout whose HEAD is this host's commit.")
})

const retention = Schema.Struct({
  keep_local_for_days: defaulted(days, 7, "How long shipped episodes stay on this host; 0 = for ever. Days."),
  quarantine_keep_days: defaulted(
    days,
    30,
    "How long quarantined episodes stay before they are deleted; 0 = for ever. Days."
  ),
  quarantine_cleanup_interval_s: defaulted(seconds, 3600, "Shortest time between two cleanings of both. Seconds.")
})

/** `lab-host.toml`: what the shipper is told. */
export const ShipperSettings = Schema.Struct({
  host_id: required(hostId, "This host's name in the dataset."),
  paths: table(paths, "Where the episodes lie."),
  receiver: table(receiver, "Where the episodes go."),
  shipper: table(shipper, "How the episodes go."),
  code: table(code, "What the episodes are made by."),
  retention: table(retention, "How long the episodes stay.")
})
export type ShipperSettings = typeof ShipperSettings.Type

/** When how much may be sent. */
export const timetableOf = ({ rate_limit, window }: ShipperSettings["shipper"]): Timetable => ({
  rate: rate_limit === 0 ? Infinity : rate_limit,
  windows: window.map(({ rate = Infinity, ...times }) => ({ ...times, rate }))
})
