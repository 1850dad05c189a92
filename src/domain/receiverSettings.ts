import * as Schema from "effect/Schema"
import { listen } from "./listen.ts"
import { defaulted, needs, optional, required, table, tableOfHosts, together } from "./setting.ts"
import {
  baseUrl,
  boolean,
  branch,
  headerName,
  integerFrom,
  name,
  networks,
  path,
  seconds,
  secretFile,
  text,
  timeout,
  token,
  tokens
} from "./settingValue.ts"

/** What a host is told to run whose code is out of the window, unless the operator says otherwise. */
export const DEFAULT_REMEDIATION = `cd /opt/cis490 && sudo -u cis490 git pull origin main
sudo /opt/cis490/scripts/install-lab-host.sh
sudo systemctl restart cis490-orchestrator`

const paths = Schema.Struct({
  store_root: defaulted(path, "/var/lib/cis490-receiver/store", "Where the episodes are stored."),
  incoming_root: defaulted(
    path,
    "/var/lib/cis490-receiver/incoming",
    "Where uploads arrive; on the filesystem of store_root."
  ),
  index_path: defaulted(path, "/var/lib/cis490-receiver/index.jsonl", "The index of what was accepted.")
})

const limits = Schema.Struct({
  max_episode_bytes: defaulted(integerFrom(1, "bytes"), 2_147_483_648, "The largest tarball taken in. Bytes."),
  max_unpacked_bytes: defaulted(integerFrom(1, "bytes"), 17_179_869_184, "The most a tarball may unpack to. Bytes."),
  max_members: defaulted(integerFrom(1, "members"), 100_000, "The most files and directories in a tarball."),
  min_free_bytes: defaulted(
    integerFrom(0, "bytes"),
    1_073_741_824,
    "Below this much free space nothing is taken in. Bytes."
  ),
  body_idle_timeout_s: defaulted(timeout, 30, "How long an upload may stand still. Seconds."),
  max_concurrent_uploads: defaulted(integerFrom(1, "uploads"), 16, "Uploads at a time, at most half for one host."),
  upload_expiry_s: defaulted(
    timeout,
    604_800,
    "How long an upload that may be resumed is kept after it last moved. Seconds."
  ),
  max_uploads_per_host: defaulted(integerFrom(1, "uploads"), 32, "Uploads begun and not finished, of one host."),
  max_upload_bytes_per_host: defaulted(
    integerFrom(1, "bytes"),
    17_179_869_184,
    "The most that those of one host may announce together; one of any size is let in. Bytes."
  )
})

const auth = Schema.Struct({
  bearer_token: optional(token, "Token that may write as any host. bearer_token_file is the better place."),
  bearer_token_file: optional(secretFile, "File that holds the token; it wins over bearer_token."),
  admin_token: optional(token, "Token for the master's routes, off without one. admin_token_file is the better place."),
  admin_token_file: optional(secretFile, "File that holds the token; it wins over admin_token."),
  hosts: tableOfHosts(tokens, "Each host's token, or list of tokens; such a token writes as that host only.")
})

const tls = Schema.Struct({
  cert: optional(path, "PEM file of the receiver's certificate; with key."),
  key: optional(secretFile, "PEM file of the key to cert."),
  client_ca: optional(path, "PEM file of the authorities that vouch for the hosts' certificates: mutual TLS."),
  client_crl: optional(path, "PEM file of what those authorities have revoked, a list of each.")
}).check(together("cert", "key"), needs("client_ca", "cert"), needs("client_crl", "client_ca"))

const proxy = Schema.Struct({
  identity_header: optional(
    headerName,
    "Header in which a proxy that ends TLS gives the host_id of the certificate it has checked."
  ),
  trusted_peers: optional(networks, "Addresses of proxies that are believed; a unix socket needs none.")
}).check(needs("trusted_peers", "identity_header"))

const versionGate = Schema.Struct({
  enabled: defaulted(boolean, true, "Off = episodes of any code are taken in, for an emergency."),
  forgejo_url: optional(baseUrl, "The Forgejo or Gitea server to ask; with repo_owner and repo_name."),
  repo_owner: optional(name, "The owner of the repository there."),
  repo_name: optional(name, "The name of the repository there."),
  branch: defaulted(branch, "main", "The branch whose commits are allowed."),
  auth_token: optional(token, "Token for a private repository. auth_token_file is the better place."),
  auth_token_file: optional(secretFile, "File that holds the token; it wins over auth_token."),
  repo_path: optional(path, "Checkout to ask if no server is set or it gives nothing; /opt/cis490 if that is one."),
  window: defaulted(integerFrom(1, "commits"), 100, "How many of the newest commits are allowed."),
  cache_ttl_s: defaulted(seconds, 5, "How old the list of commits may become. Seconds."),
  remediation: defaulted(
    text,
    DEFAULT_REMEDIATION,
    "What a refused host should run, ready to paste. The default is for a checkout and a recorder of that name."
  )
}).check(needs("forgejo_url", "repo_owner"), needs("forgejo_url", "repo_name"))

const fleetHost = Schema.Struct({
  agent_url: required(baseUrl, "The agent on that host."),
  agent_token_file: optional(secretFile, "File that holds the agent's token, which is not the host's upload token."),
  client_cert: optional(path, "PEM file of the master's certificate, for mutual TLS; with client_key."),
  client_key: optional(secretFile, "PEM file of the key to client_cert."),
  ca_bundle: optional(path, "PEM file of the authorities that may vouch for the agent; the system's if not set.")
}).check(together("client_cert", "client_key"))

/** `receiver.toml`: what the receiver is told. */
export const ReceiverSettings = Schema.Struct({
  listen: defaulted(listen, "127.0.0.1:8490", "Where to listen: host:port, [address]:port or unix:/path."),
  paths: table(paths, "Where the dataset lies."),
  limits: table(limits, "What is too much."),
  auth: table(auth, "Who may write."),
  tls: table(tls, "How the wire is secured."),
  proxy: table(proxy, "Who is believed when it says who a client is."),
  version_gate: table(versionGate, "Which code may have made an episode."),
  fleet: tableOfHosts(
    { schema: fleetHost, kind: "table", wants: "a table", fields: fleetHost.fields },
    "The hosts whose agents the master speaks to."
  )
})
export type ReceiverSettings = typeof ReceiverSettings.Type
