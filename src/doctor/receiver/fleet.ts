/** Whether the hosts run what the master wants of them, and whether their agents are heard. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { counted, duration } from "../../domain/humanize.ts"
import { parseTime } from "../../domain/time.ts"
import { type FleetRow, isUnderstood, wantsNothing } from "../../receiver/master/fleet.ts"
import { type FleetFiles, readFleet } from "../../receiver/master/readFleet.ts"
import { takeOver } from "../../receiver/master/takeOver.ts"
import { ahead } from "../ahead.ts"
import { Ourselves } from "../ourselves.ts"
import { about, type Finding, green, red, yellow } from "../row.ts"
import { elsewhere, word } from "../shell.ts"

const MINUTE_MILLIS = 60_000
/** Ten heartbeats, unless the agent is told otherwise. */
const QUIET_MILLIS = 5 * MINUTE_MILLIS
const HOUR_MILLIS = 60 * MINUTE_MILLIS
/** What is mended within this was seen and mended as it should be. */
const SOON_MILLIS = 2 * MINUTE_MILLIS

const since = (time: string | null, now: number): number | undefined =>
  Option.getOrUndefined(Option.map(Option.flatMap(Option.fromNullishOr(time), parseTime), (at) => now - at))

const agentOn = (host: string): string => elsewhere(host, "sudo journalctl -u cis490-agent -n 50 --no-pager")

/** `command`: one of ours, as it has to be written here. */
type Judge = (row: FleetRow, now: number, command: (words: string) => string) => Finding | undefined

const superseded: Judge = (row, _, command) =>
  row.superseded_by === null
    ? undefined
    : red(
        `its agent has obeyed generation ${row.superseded_by}, above ours (${row.wanted_generation ?? "none"}): another master has the say there, or this one has forgotten`,
        command(takeOver(row.host_id, wantsNothing(row)))
      )

const notUnderstood: Judge = (row, _, command) =>
  isUnderstood(row) || row.superseded_by !== null
    ? undefined
    : red(
        "what it should run is not understood, and it is told nothing",
        command(`topology set ${word(row.host_id)} FILE`)
      )

const quiet: Judge = ({ host_id, last_heartbeat, managed }, now) => {
  const silence = since(last_heartbeat, now)
  if (silence === undefined) {
    return managed
      ? yellow("its agent has never reported", elsewhere(host_id, "systemctl status cis490-agent"))
      : undefined
  }
  const future = ahead(silence, "the time of its last heartbeat")
  if (future !== undefined) return future
  const found = `its agent has said nothing for ${duration(silence)}`
  if (silence > HOUR_MILLIS) return (managed ? red : yellow)(found, agentOn(host_id))
  return silence > QUIET_MILLIS ? yellow(found, agentOn(host_id)) : undefined
}

const drifted: Judge = (row, now) => {
  const { drift, drift_since, host_id, superseded_by, told } = row
  if (!isUnderstood(row)) return undefined
  const [first] = drift
  const age = since(drift_since, now)
  if (first === undefined || age === undefined || superseded_by !== null) return undefined
  const future = ahead(age, `not as it is wanted (${first}); the time since when`)
  if (future !== undefined) return future
  if (age < SOON_MILLIS) return undefined
  const more = drift.length > 1 ? `, and ${drift.length - 1} more` : ""
  const vain = told === null || told.outcome === "Done" ? "" : `; told in vain: ${told.words}`
  const found = `has not been as it is wanted for ${duration(age)}: ${first}${more}${vain}`
  return (age > HOUR_MILLIS ? red : yellow)(found, agentOn(host_id))
}

const judges: ReadonlyArray<Judge> = [superseded, notUnderstood, quiet, drifted]

/** One row for all that are well, and one for each trouble of each other host. */
export const judgeFleet = (
  rows: ReadonlyArray<FleetRow>,
  now: number,
  command: (words: string) => string
): ReadonlyArray<Finding> => {
  const known = rows.filter((row) => row.known)
  if (known.length === 0) return [green("the master has no hosts")]
  const troubles = known.flatMap((row) =>
    judges.flatMap((judge) => {
      const finding = judge(row, now, command)
      return finding === undefined ? [] : [about(row.host_id, finding)]
    })
  )
  const well = known.length - new Set(troubles.map(({ target }) => target)).size
  const managed = known.filter((row) => row.managed).length
  return [
    ...(well === 0 ? [] : [green(`${counted(well, "host")} well, ${managed} of ${known.length} managed`)]),
    ...troubles
  ]
}

const unreadable = (message: string, file: string): Finding =>
  red(`what the hosts should run cannot be read, and none of them is told anything: ${message}`, `ls -la ${word(file)}`)

export const lookAtFleet = Effect.fnUntraced(function* (files: FleetFiles) {
  const { command } = yield* Ourselves
  const now = yield* Clock.currentTimeMillis
  return yield* readFleet(files).pipe(
    Effect.map((rows) => judgeFleet(rows, now, command)),
    Effect.catchTag("OrdersUnavailable", ({ message }) => Effect.succeed([unreadable(message, files.orders)]))
  )
})
