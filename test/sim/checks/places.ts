/** Where everything lies, as the programs are configured in the simulation. */
export const DATA_ROOT = "/var/lib/cis490/data"
export const EPISODES = `${DATA_ROOT}/episodes`
export const OUTBOX = `${DATA_ROOT}/outbox`
export const SHIPPED = `${DATA_ROOT}/shipped`
export const QUARANTINE = `${DATA_ROOT}/quarantine`

const RECEIVER_ROOT = "/var/lib/cis490-receiver"
export const STORE = `${RECEIVER_ROOT}/store`
export const INCOMING = `${RECEIVER_ROOT}/incoming`
/** Those that come in pieces. */
export const UPLOADS = `${INCOMING}/uploads`
export const INDEX = `${RECEIVER_ROOT}/index.jsonl`

export const REASON_FILE = "quarantine_reason.json"
export const DONE_MARKER = "done.marker"
export const TARBALL = ".tar.zst"

export const storedPath = (host: string, id: string): string => `${STORE}/${host}/${id}${TARBALL}`

/** The name without what a taken one gets: `x~2` is another `x`. */
export const withoutSuffix = (name: string): string => name.replace(/~\d+$/, "")
