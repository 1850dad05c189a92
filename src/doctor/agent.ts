/** What doctor looks at of the agent on a lab host, as one table. */
import * as Effect from "effect/Effect"
import { mayListen, tokenOf } from "../agent/ways.ts"
import type { AgentSettings } from "../domain/agentSettings.ts"
import { lookAtDrift } from "./agent/drift.ts"
import { lookAtAgent, lookAtMaster } from "./agent/ends.ts"
import { lookAtEngine } from "./agent/engine.ts"
import { checksOf } from "./check.ts"
import { unlessClosed } from "./closedTo.ts"
import { lookAtDirectories } from "./directories.ts"
import { Ourselves } from "./ourselves.ts"
import { type Finding, green, red, yellow } from "./row.ts"
import { lookAtService, serviceUser } from "./service.ts"
import { word } from "./shell.ts"
import { lookAtAuthorities, lookAtCertificate, lookAtKey, lookAtLists } from "./tls.ts"
import { tokenMend } from "./tokenMend.ts"

const UNIT = "cis490-agent"
const INSTALLER = "sudo /opt/cis490/scripts/install-agent.sh"

const serviceCheck = {
  check: "service",
  target: UNIT,
  closer: `systemctl status ${UNIT}`,
  look: lookAtService(INSTALLER)
}

/** What needs no configuration. */
export const checksWithout = [serviceCheck]

const tlsChecks = ({ listen, master, tls }: AgentSettings) => {
  const at = (file: string) => ({ check: "tls", target: file, closer: `ls -ld ${word(file)}` })
  const pair = (certificate: string | undefined, key: string | undefined) => [
    ...(certificate === undefined ? [] : [{ ...at(certificate), look: lookAtCertificate(certificate) }]),
    ...(certificate === undefined || key === undefined ? [] : [{ ...at(key), look: lookAtKey(key, certificate) }])
  ]
  const authorities = (file: string | undefined) =>
    file === undefined ? [] : [{ ...at(file), look: lookAtAuthorities(file) }]
  const files = [
    ...pair(tls.cert, tls.key),
    ...authorities(tls.client_ca),
    ...(tls.client_crl === undefined ? [] : [{ ...at(tls.client_crl), look: lookAtLists(tls.client_crl) }]),
    ...pair(master.client_cert, master.client_key),
    ...authorities(master.ca_bundle)
  ]
  return files.length > 0 ? files : [{ ...at(listen), look: Effect.succeed([green("no files are configured")]) }]
}

/** Who may give orders. */
const judgeAuth = (settings: AgentSettings, edit: string): Finding => {
  const { auth, tls } = settings
  const open = mayListen(settings)
  if (open !== undefined) return red(open, edit)
  if (tls.client_ca !== undefined && tls.client_names === undefined) {
    return yellow("any certificate of tls.client_ca may give orders: tls.client_names is not set", edit)
  }
  const token = auth.bearer_token !== undefined || auth.bearer_token_file !== undefined
  const asked = [...(token ? ["a token"] : []), ...(tls.client_ca === undefined ? [] : ["a certificate"])]
  return green(asked.length === 0 ? "none, and none is needed where it listens" : asked.join(" and "))
}

const lookAtAuth = Effect.fnUntraced(function* (settings: AgentSettings) {
  const { asRoot, configFile } = yield* Ourselves
  for (const side of [settings.auth, settings.master]) {
    const file = side.bearer_token_file
    const read = yield* Effect.result(tokenOf(side))
    if (read._tag === "Failure" && file !== undefined)
      return [red(read.failure.message, tokenMend(read.failure.message, file, asRoot("doctor")))]
  }
  return [yield* unlessClosed([settings.auth.bearer_token_file], judgeAuth(settings, `sudoedit ${word(configFile)}`))]
})

/** All of them. */
export const checksWith = Effect.fnUntraced(function* (settings: AgentSettings) {
  const { asRoot, command } = yield* Ourselves
  const { agent, docker, host_id, listen, master } = settings
  return checksOf([
    {
      check: "directory",
      target: agent.dir,
      closer: `ls -ld ${word(agent.dir)}`,
      look: Effect.flatMap(serviceUser, (user) =>
        lookAtDirectories([agent.dir], [], [agent.dir], {
          user,
          make: () => `sudo install -d -o cis490 -g cis490 -m 750 ${word(agent.dir)}`,
          together: () => asRoot("doctor"),
          asRoot: asRoot("doctor")
        })
      )
    },
    ...tlsChecks(settings),
    { check: "auth", target: listen, closer: command("doctor"), look: lookAtAuth(settings) },
    { check: "agent", target: listen, closer: `sudo systemctl restart ${UNIT}`, look: lookAtAgent(settings) },
    { check: "master", target: master.url, closer: `curl -v ${word(master.url)}`, look: lookAtMaster(settings) },
    {
      check: "engine",
      target: docker.socket,
      closer: "systemctl status docker",
      look: lookAtEngine(docker.socket)
    },
    {
      check: "drift",
      target: `${agent.dir}/topology.db`,
      closer: command("state"),
      needs: "engine",
      look: lookAtDrift(host_id)
    },
    serviceCheck
  ])
})
