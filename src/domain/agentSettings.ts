import * as Schema from "effect/Schema"
import { listen } from "./listen.ts"
import { defaulted, needs, optional, required, table, together } from "./setting.ts"
import { baseUrl, boolean, hostId, path, seconds, secretFile, token } from "./settingValue.ts"

const names = {
  schema: Schema.NonEmptyArray(Schema.NonEmptyString),
  kind: "array",
  wants: "a list of one or more names"
} as const

const agent = Schema.Struct({
  dir: defaulted(path, "/var/lib/cis490-agent", "Where topology.db lies; DECNET_AGENT_DIR sets it too.")
})

const auth = Schema.Struct({
  bearer_token: optional(token, "Token that the master has to show. bearer_token_file is the better place."),
  bearer_token_file: optional(secretFile, "File that holds the token; it wins over bearer_token.")
})

const tls = Schema.Struct({
  cert: optional(path, "PEM file of the agent's certificate; with key."),
  key: optional(secretFile, "PEM file of the key to cert."),
  client_ca: optional(path, "PEM file of the authorities that vouch for the master's certificate: mutual TLS."),
  client_crl: optional(path, "PEM file of what those authorities have revoked, a list of each."),
  client_names: optional(
    names,
    "Names of which the master's certificate has one. Without, any certificate of client_ca will do, a lab host's too."
  )
}).check(
  together("cert", "key"),
  needs("client_ca", "cert"),
  needs("client_crl", "client_ca"),
  needs("client_names", "client_ca")
)

const master = Schema.Struct({
  url: required(baseUrl, "The receiver, which is the master, for example https://collector.wg."),
  ca_bundle: optional(path, "PEM file of the authorities that may vouch for the master; the system's if not set."),
  client_cert: optional(path, "PEM file of this host's certificate, for mutual TLS; with client_key."),
  client_key: optional(secretFile, "PEM file of the key to client_cert."),
  bearer_token: optional(token, "This host's token, as the shipper's. bearer_token_file is the better place."),
  bearer_token_file: optional(secretFile, "File that holds the token; it wins over bearer_token."),
  verify_tls: defaulted(boolean, true, "Whether the master's certificate is checked. Leave it on.")
}).check(together("client_cert", "client_key"))

const docker = Schema.Struct({
  socket: defaulted(path, "/var/run/docker.sock", "The unix socket of the container engine.")
})

/** `agent.toml`: what the agent is told. */
export const AgentSettings = Schema.Struct({
  host_id: required(hostId, "This host's name, as in lab-host.toml."),
  listen: defaulted(listen, "127.0.0.1:8765", "Where the master comes: host:port, [address]:port or unix:/path."),
  heartbeat_interval_s: defaulted(seconds, 30, "How often the master is told how this host is; 0 = never. Seconds."),
  agent: table(agent, "What the agent remembers."),
  auth: table(auth, "Who may give orders."),
  tls: table(tls, "How the wire is secured."),
  master: table(master, "Whom the agent reports to."),
  docker: table(docker, "What runs the topologies.")
})
export type AgentSettings = typeof AgentSettings.Type
