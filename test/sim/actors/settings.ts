/** How the programs are configured, and where their files lie. */
import { DATA_ROOT, INCOMING, INDEX, STORE } from "../checks/places.ts"
import { type HostPlan, type Plan, RECEIVER_MACHINE } from "../plan/plan.ts"

export const SHIPPER_CONFIG = "/etc/cis490/lab-host.toml"
export const RECEIVER_CONFIG = "/etc/cis490/receiver.toml"
export const TOKEN_FILE = "/etc/cis490/token"
export const TOKEN = "the-token-of-all-hosts-0123456789"
export const RECEIVER_PORT = 8490
export const FORGEJO = { host: "forgejo", port: 3000 } as const
/** Room for all that is recorded, twice over. */
export const DISK_BYTES = 20 * 1024 * 1024
export const MIN_FREE_BYTES = 65_536

export const shipperSettings = (host: HostPlan): string => `host_id = "${host.name}"
[paths]
data_root = "${DATA_ROOT}"
min_free_bytes = ${MIN_FREE_BYTES}
[receiver]
url = "http://${RECEIVER_MACHINE}:${RECEIVER_PORT}"
bearer_token_file = "${TOKEN_FILE}"
[shipper]
scan_interval_s = ${host.scanIntervalSeconds}
request_timeout_s = 8
concurrency = ${host.concurrency}
compression_level = 1
${host.resumeAboveBytes === undefined ? "" : `resume_above_bytes = ${host.resumeAboveBytes}`}
backoff_seconds = [1, 2, 4, 8]
checkin_interval_s = ${host.checkinIntervalSeconds}
[retention]
keep_local_for_days = ${host.keepLocalForDays}
quarantine_cleanup_interval_s = 30
`

export const receiverSettings = ({ receiver }: Plan): string => `listen = "0.0.0.0:${RECEIVER_PORT}"
[paths]
store_root = "${STORE}"
incoming_root = "${INCOMING}"
index_path = "${INDEX}"
[limits]
max_episode_bytes = ${receiver.maxEpisodeBytes}
min_free_bytes = 4096
body_idle_timeout_s = 10
max_concurrent_uploads = ${receiver.maxConcurrentUploads}
${receiver.maxUploadsPerHost === undefined ? "" : `max_uploads_per_host = ${receiver.maxUploadsPerHost}`}
[auth]
bearer_token = "${TOKEN}"
[version_gate]
enabled = ${receiver.gate}
forgejo_url = "http://${FORGEJO.host}:${FORGEJO.port}"
repo_owner = "lab"
repo_name = "cis490"
window = ${receiver.window}
cache_ttl_s = ${receiver.cacheTtlSeconds}
`
