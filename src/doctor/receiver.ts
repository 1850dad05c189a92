/** What doctor looks at on the central node, as one table. */
import * as Effect from "effect/Effect"
import { parentOf } from "../domain/parentOf.ts"
import type { ReceiverSettings } from "../domain/receiverSettings.ts"
import type { FleetFiles } from "../receiver/master/readFleet.ts"
import type { StoreOptions } from "../receiver/storePaths.ts"
import { checksOf } from "./check.ts"
import { unlessClosed } from "./closedTo.ts"
import { lookAtDirectories, madeFor } from "./directories.ts"
import { Ourselves } from "./ourselves.ts"
import { type Connections, lookAtAuth, lookAtHealth } from "./receiver/door.ts"
import { lookAtFleet } from "./receiver/fleet.ts"
import { askSources, gateOff, gateWithout, judgeGate, type Sources } from "./receiver/gate.ts"
import { lookAtHosts } from "./receiver/hosts.ts"
import { lookAtIndex } from "./receiver/index.ts"
import { damagedRoot, listDamaged, lookAtDamaged, lookAtIncoming } from "./receiver/leftovers.ts"
import { ofServer } from "./renewal.ts"
import { green } from "./row.ts"
import { lookAtService, serviceUser, startAnew } from "./service.ts"
import { word } from "./shell.ts"
import { lookAtInodes, lookAtSpace } from "./space.ts"
import { lookAtAuthorities, lookAtCertificate, lookAtKey, lookAtLists } from "./tls.ts"

const UNIT = "cis490-receiver"
const INSTALLER = "sudo /opt/cis490/scripts/install-receiver.sh"

const serviceCheck = {
  check: "service",
  target: UNIT,
  closer: `systemctl status ${UNIT}`,
  look: lookAtService(INSTALLER)
}

/** What needs no configuration. */
export const checksWithout = [serviceCheck]

const tlsChecks = ({ listen, tls: { cert, client_ca, client_crl, key } }: ReceiverSettings) => {
  const tls = (file: string) => ({ check: "tls", target: file, closer: `ls -ld ${word(file)}` })
  const files = [
    ...(cert === undefined ? [] : [{ ...tls(cert), look: lookAtCertificate(cert, ofServer(cert)) }]),
    ...(cert === undefined || key === undefined ? [] : [{ ...tls(key), look: lookAtKey(key, cert) }]),
    ...(client_ca === undefined ? [] : [{ ...tls(client_ca), look: lookAtAuthorities(client_ca) }]),
    ...(client_crl === undefined ? [] : [{ ...tls(client_crl), look: lookAtLists(client_crl) }])
  ]
  return files.length > 0 ? files : [{ ...tls(listen), look: Effect.succeed([green("no files are configured")]) }]
}

const gateTarget = ({ enabled, forgejo_url, repo_path }: ReceiverSettings["version_gate"]): string =>
  enabled ? (forgejo_url ?? repo_path ?? "/opt/cis490") : "version_gate"

const lookAtGate = Effect.fnUntraced(function* <R>(
  settings: ReceiverSettings["version_gate"],
  sources: Effect.Effect<Sources | undefined, never, R>
) {
  const { asRoot, configFile } = yield* Ourselves
  const edit = `sudoedit ${word(configFile)}`
  if (!settings.enabled) return [gateOff(edit)]
  const found = yield* sources
  if (found === undefined) return [gateWithout(edit)]
  const repoPath = settings.repo_path ?? "/opt/cis490"
  const judged = judgeGate(yield* askSources(found), { asRoot: asRoot("doctor"), edit, settings, repoPath })
  return [yield* unlessClosed(settings.forgejo_url === undefined ? [] : [settings.auth_token_file], judged)]
}, Effect.scoped)

export interface Where {
  readonly store: StoreOptions
  /** What hosts said is remembered there. */
  readonly hosts: string
  readonly fleet: FleetFiles
  readonly connections: Connections
}

/** All of them. `sources`: of the gate; `undefined` where there are none. */
export const checksWith = Effect.fnUntraced(function* <R>(
  settings: ReceiverSettings,
  { connections, fleet, hosts, store }: Where,
  sources: Effect.Effect<Sources | undefined, never, R>
) {
  const { asRoot, command, configFile } = yield* Ourselves
  const floor = settings.limits.min_free_bytes
  const indexDirectory = parentOf(store.indexPath)
  const together = [store.storeRoot, store.incomingRoot]
  const onDisk = {
    closer: `findmnt --target ${word(store.storeRoot)}; ls -la ${word(store.storeRoot)}`,
    target: store.storeRoot,
    needs: "directories"
  }
  return checksOf([
    {
      ...onDisk,
      check: "directories",
      look: Effect.flatMap(Effect.all([startAnew(command("backfill")), serviceUser]), ([make, user]) =>
        lookAtDirectories([...together, indexDirectory], together, [...together, indexDirectory], {
          user,
          make: (missing) => madeFor(user, missing, make),
          together: () => `sudoedit ${word(configFile)} && ${make}`,
          asRoot: asRoot("doctor")
        })
      )
    },
    ...[...new Set([store.storeRoot, indexDirectory])].flatMap((path) => [
      { ...onDisk, target: path, check: "space", look: lookAtSpace(path, floor) },
      { ...onDisk, target: path, check: "inodes", look: lookAtInodes(path) }
    ]),
    {
      check: "gate",
      target: gateTarget(settings.version_gate),
      closer: `sudo journalctl -u ${UNIT} -n 50 --no-pager`,
      look: lookAtGate(settings.version_gate, sources)
    },
    {
      ...onDisk,
      check: "index",
      target: store.indexPath,
      closer: command("verify"),
      look: lookAtIndex(store)
    },
    { ...onDisk, check: "incoming", target: store.incomingRoot, look: lookAtIncoming(store.incomingRoot) },
    {
      ...onDisk,
      check: "damaged",
      target: damagedRoot(store.storeRoot),
      closer: listDamaged(store.storeRoot),
      look: lookAtDamaged(store.storeRoot)
    },
    ...tlsChecks(settings),
    { check: "auth", target: settings.listen, closer: command("doctor"), look: lookAtAuth(settings, connections) },
    {
      check: "health",
      target: settings.listen,
      closer: `sudo systemctl restart ${UNIT}`,
      look: lookAtHealth(settings)
    },
    serviceCheck,
    { ...onDisk, check: "hosts", target: hosts, closer: command("hosts"), look: lookAtHosts(hosts) },
    { ...onDisk, check: "fleet", target: fleet.orders, closer: command("hosts"), look: lookAtFleet(fleet) }
  ])
})
