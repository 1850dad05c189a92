/** What doctor looks at on a lab host, as one table. */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { HttpClient } from "effect/http/HttpClient"
import type * as Layer from "effect/Layer"
import { DEFAULT_REMEDIATION } from "../domain/receiverSettings.ts"
import { type ShipperSettings, timetableOf } from "../domain/shipperSettings.ts"
import type { Installation } from "../shipper/checkin.ts"
import type { Destination } from "../shipper/Destination.ts"
import type { Link } from "../shipper/Link.ts"
import { Layout } from "../shipper/layout.ts"
import { checksOf } from "./check.ts"
import { lookAtDirectories, madeFor } from "./directories.ts"
import { Ourselves } from "./ourselves.ts"
import { ofHost } from "./renewal.ts"
import { green } from "./row.ts"
import { lookAtService, running, serviceUser, startAnew } from "./service.ts"
import { oneLine, word, words } from "./shell.ts"
import { judgeBacklog, judgeNames } from "./shipper/backlog.ts"
import { judgeConflicts } from "./shipper/conflicts.ts"
import { survey } from "./shipper/episodes.ts"
import { lookAtJournal } from "./shipper/journal.ts"
import { lookAtQuarantine } from "./shipper/quarantine.ts"
import { lookAtChanging, lookAtReadable } from "./shipper/readable.ts"
import { lookAtReceiver } from "./shipper/receiver.ts"
import { updateCommand } from "./shipper/update.ts"
import { lookAtInodes, lookAtSpace } from "./space.ts"
import { lookAtAuthorities, lookAtCertificate, lookAtKey } from "./tls.ts"
import { hostOf } from "./unreached.ts"

const UNIT = "cis490-shipper"
const INSTALLER = "sudo /opt/cis490/scripts/install-lab-host.sh"

const serviceCheck = {
  check: "service",
  target: UNIT,
  closer: `systemctl status ${UNIT}`,
  look: lookAtService(INSTALLER)
}

const journalCheck = <R>(since: string, update: Effect.Effect<string, never, R>) => ({
  check: "journal",
  target: UNIT,
  closer: `sudo journalctl -u ${UNIT} -n 50 --no-pager`,
  look: lookAtJournal(since, update)
})

/** What needs no configuration. `since`: how far back the journal is read (systemd.time(7)). */
export const checksWithout = (since: string) =>
  checksOf([serviceCheck, journalCheck(since, Effect.succeed(oneLine(DEFAULT_REMEDIATION)))])

const tlsChecks = ({ host_id, receiver }: ShipperSettings) => {
  const { ca_bundle, client_cert, client_key, url } = receiver
  const renewal = ofHost(host_id, hostOf(url))
  const tls = (file: string) => ({ check: "tls", target: file, closer: `ls -ld ${word(file)}` })
  const files = [
    ...(ca_bundle === undefined ? [] : [{ ...tls(ca_bundle), look: lookAtAuthorities(ca_bundle) }]),
    ...(client_cert === undefined ? [] : [{ ...tls(client_cert), look: lookAtCertificate(client_cert, renewal) }]),
    ...(client_cert === undefined || client_key === undefined
      ? []
      : [{ ...tls(client_key), look: lookAtKey(client_key, client_cert) }])
  ]
  return files.length > 0 ? files : [{ ...tls(url), look: Effect.succeed([green("no files are configured")]) }]
}

/** All of them. */
export const checksWith = Effect.fnUntraced(function* <R>(
  settings: ShipperSettings,
  since: string,
  /** To the receiver. */
  link: Layer.Layer<Destination | HttpClient | Installation | Link, never, R>
) {
  const { asRoot, command, configFile } = yield* Ourselves
  const paths = yield* Layout
  const episodes = yield* Effect.cached(survey)
  const update = yield* Effect.cached(updateCommand)
  const working = [paths.episodes, paths.outbox, paths.shipped, paths.quarantine, paths.state]
  const onDisk = {
    target: paths.root,
    closer: `findmnt --target ${word(paths.root)}; ls -la ${word(paths.root)}`,
    needs: "directories"
  }
  return checksOf([
    {
      ...onDisk,
      check: "directories",
      look: Effect.flatMap(Effect.all([startAnew(command("once")), serviceUser]), ([make, user]) =>
        lookAtDirectories([paths.root, ...working], working, [paths.root], {
          user,
          make: (missing) => madeFor(user, missing.includes(paths.root) ? [paths.root] : [], make),
          together: (apart) => `sudo umount ${words(apart)} && ${make}`,
          asRoot: asRoot("doctor")
        })
      )
    },
    { ...onDisk, check: "space", look: lookAtSpace(paths.root, settings.paths.min_free_bytes) },
    { ...onDisk, check: "inodes", look: lookAtInodes(paths.root) },
    {
      ...onDisk,
      check: "names",
      target: paths.episodes,
      look: Effect.map(episodes, ({ strays }) => [judgeNames(strays, paths)])
    },
    {
      ...onDisk,
      check: "readable",
      target: paths.episodes,
      look: Effect.flatMap(episodes, ({ waiting }) => lookAtReadable(waiting))
    },
    {
      ...onDisk,
      check: "changing",
      target: paths.episodes,
      look: Effect.flatMap(episodes, ({ waiting }) => lookAtChanging(waiting))
    },
    ...tlsChecks(settings),
    {
      check: "receiver",
      target: settings.receiver.url,
      closer: command("ping"),
      look: Effect.provide(lookAtReceiver(settings, episodes, update), link)
    },
    serviceCheck,
    {
      ...onDisk,
      check: "backlog",
      target: paths.episodes,
      look: Effect.gen(function* () {
        const found = yield* episodes
        const now = yield* Clock.currentTimeMillis
        // The daemon begins anew with a pass; without one, that is what `once` is for.
        const send = (yield* running) === "running" ? `sudo systemctl restart ${UNIT}` : command("once")
        const line = { timetable: timetableOf(settings.shipper), zone: yield* DateTime.CurrentTimeZone }
        return [judgeBacklog(found, now, line, { edit: `sudoedit ${word(configFile)}`, send })]
      })
    },
    {
      ...onDisk,
      check: "quarantine",
      target: paths.quarantine,
      look: lookAtQuarantine(settings.retention.quarantine_keep_days)
    },
    {
      ...onDisk,
      check: "conflicts",
      target: paths.outbox,
      look: Effect.map(episodes, ({ held }) => [judgeConflicts(held, command)])
    },
    journalCheck(since, update)
  ])
})
