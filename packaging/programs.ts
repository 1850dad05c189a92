/** What is packaged: one row per program. */
import { agent } from "../src/cli/agent.ts"
import { receiver } from "../src/cli/receiver.ts"
import { shipper } from "../src/cli/shipper.ts"
import { AgentSettings } from "../src/domain/agentSettings.ts"
import { ReceiverSettings } from "../src/domain/receiverSettings.ts"
import { ShipperSettings } from "../src/domain/shipperSettings.ts"
import { type Help, helpOf } from "./man/help.ts"
import type { Settings } from "./man/settingsPage.ts"

export interface Program {
  /** Of the package, the command, the unit and the bundle; `layers/<name>.ts` starts it, `etc/<name>.service` is its unit. */
  readonly name: string
  /** Completes "cis490-shipper - …". */
  readonly summary: string
  /** A paragraph for people who have never heard of it. */
  readonly about: string
  /** Its configuration in /etc/cis490; `etc/<config>.example` is the example. */
  readonly config: string
  /** What a new configuration still lacks; such keys are switched off in it. */
  readonly firstOfAll: string
  readonly settings: Settings
  readonly help: Help
  readonly recommends: ReadonlyArray<string>
  /** Groups that its unit asks for. */
  readonly groups: ReadonlyArray<string>
  /** What it works on and keeps. */
  readonly state: string
  /** Below its state: while anything lies in one of these, a purge leaves all of it. */
  readonly dear: ReadonlyArray<string>
  /** What of the program is run before a new version takes over. */
  readonly beforeRestart?: string
}

export const programs: ReadonlyArray<Program> = [
  {
    name: "cis490-shipper",
    summary: "ship finished lab episodes to the dataset",
    about:
      "Packs the finished episodes of a lab host, ships them to the receiver of the dataset, complete and exactly once, and retires or quarantines them. Nothing is retired before the receiver has said that its copy is durable.",
    config: "lab-host.toml",
    firstOfAll: "set host_id and receiver.url",
    settings: ShipperSettings,
    help: helpOf(shipper),
    recommends: ["ca-certificates"],
    groups: [],
    state: "/var/lib/cis490/data",
    dear: ["episodes", "outbox", "shipped", "quarantine"],
    beforeRestart: "drain"
  },
  {
    name: "cis490-receiver",
    summary: "take lab episodes into the dataset",
    about:
      "Takes the episodes of the lab hosts in, checks them, stores and indexes them, and refuses those made by code outside the allowed window. It acknowledges what is durable, and nothing else.",
    config: "receiver.toml",
    firstOfAll: "set version_gate.repo_path or the Forgejo keys, and who may write",
    settings: ReceiverSettings,
    help: helpOf(receiver),
    recommends: ["ca-certificates", "git"],
    groups: [],
    state: "/var/lib/cis490-receiver",
    dear: ["store", "incoming", "damaged", "pki", "index.jsonl"]
  },
  {
    name: "cis490-agent",
    summary: "run the topology that the lab's master asks for",
    about:
      "Materialises on a lab host, by Docker, the topology that the master asks for, remembers it passively and reports it. It never applies, restores or tears down anything that the master does not ask for in that moment.",
    config: "agent.toml",
    firstOfAll: "set host_id, master.url, auth.bearer_token_file and master.bearer_token_file",
    settings: AgentSettings,
    help: helpOf(agent),
    recommends: ["ca-certificates", "docker.io | docker-ce"],
    groups: ["docker"],
    state: "/var/lib/cis490-agent",
    dear: []
  }
]
