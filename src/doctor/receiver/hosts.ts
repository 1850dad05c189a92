/** What the hosts said last, and since when they say nothing. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { counted, duration } from "../../domain/humanize.ts"
import { parseTime } from "../../domain/time.ts"
import { type HostRow, readHosts } from "../../receiver/hosts.ts"
import { ahead } from "../ahead.ts"
import { about, type Finding, green, red, yellow } from "../row.ts"
import { elsewhere } from "../shell.ts"

const HOUR_MILLIS = 3_600_000
const DAY_MILLIS = 24 * HOUR_MILLIS
/** A host deletes after 30 days what it holds in quarantine, unless it is told otherwise. */
const KEPT_MILLIS = 30 * DAY_MILLIS
const NEAR_MILLIS = 7 * DAY_MILLIS

const since = (time: string | null | undefined, now: number): number | undefined =>
  Option.getOrUndefined(Option.map(Option.flatMap(Option.fromNullishOr(time), parseTime), (at) => now - at))

const doctorOn = (host: string): string => elsewhere(host, "sudo cis490-shipper doctor")

type Judge = (row: HostRow, now: number) => Finding | undefined

const quiet: Judge = ({ host_id, seen_at }, now) => {
  const silence = since(seen_at, now) ?? 0
  return silence <= HOUR_MILLIS
    ? ahead(silence, "the time when it was last seen")
    : yellow(`has said nothing for ${duration(silence)}`, doctorOn(host_id))
}

const twins: Judge = ({ host_id, instances }, now) => {
  const lately = instances.filter(({ seen_at }) => (since(seen_at, now) ?? 0) <= HOUR_MILLIS)
  return lately.length < 2
    ? undefined
    : red(
        `${lately.length} machines write under this name: give all but one a host_id of their own, and remove the copied state/instance_id`,
        elsewhere(`each machine that calls itself ${host_id}`, "hostname; sudoedit /etc/cis490/lab-host.toml")
      )
}

const waiting: Judge = ({ host_id, said }, now) => {
  const age = since(said.oldest_waiting_at, now) ?? 0
  const found = `${counted(said.waiting ?? 0, "episode")} waiting there, the oldest for ${duration(age)}`
  if (age >= DAY_MILLIS) return red(found, doctorOn(host_id))
  if (age >= HOUR_MILLIS) return yellow(found, doctorOn(host_id))
  return ahead(age, "the time of the oldest episode that waits there", host_id)
}

const quarantine: Judge = ({ host_id, quarantined_since, said }, now) => {
  const age = since(quarantined_since, now) ?? 0
  return age < KEPT_MILLIS - NEAR_MILLIS
    ? ahead(age, "the time since when something is in quarantine there")
    : red(
        `${counted(said.quarantined ?? 0, "episode")} in quarantine there, some for ${duration(age)}: deleted after 30 days unless that host is told otherwise`,
        elsewhere(host_id, "sudo cis490-shipper quarantine list")
      )
}

const judges: ReadonlyArray<Judge> = [twins, quiet, waiting, quarantine]

/** One row for all that are well, and one for each trouble of each other host. */
export const judgeHosts = (rows: ReadonlyArray<HostRow>, now: number): ReadonlyArray<Finding> => {
  if (rows.length === 0) return [green("no host has checked in yet")]
  const troubles = rows.flatMap((row) =>
    judges.flatMap((judge) => {
      const finding = judge(row, now)
      return finding === undefined ? [] : [about(row.host_id, finding)]
    })
  )
  const well = rows.length - new Set(troubles.map(({ target }) => target)).size
  return [...(well === 0 ? [] : [green(`${counted(well, "host")} seen within the hour`)]), ...troubles]
}

export const lookAtHosts = Effect.fnUntraced(function* (directory: string) {
  return judgeHosts(yield* readHosts(directory), yield* Clock.currentTimeMillis)
})
