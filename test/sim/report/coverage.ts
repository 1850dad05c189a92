/** What a number of runs has shown: how often each thing happened, and what never did. */
import { CONNECTION_FATES } from "../plan/connections.ts"
import { CALL_CLASSES, type Kind, PROXY_ANSWERS } from "../plan/plan.ts"

const EVENTS: Readonly<Record<Kind, true>> = {
  crash: true,
  restart: true,
  call: true,
  connection: true,
  clock: true,
  proxy: true,
  unplugged: true,
  thin: true,
  forgejo: true,
  push: true,
  diskFull: true,
  wrongToken: true,
  command: true,
  delete: true,
  moveBack: true,
  change: true,
  rerecord: true,
  loseStored: true
}
const CODES = ["EIO", "ENOSPC", "EACCES", "EMFILE"]
const CRASHES = ["kill before", "kill after", "power before", "power after"]
const COMMANDS = [
  "once",
  "run",
  "status",
  "ping",
  "drain",
  "requeue",
  "retry",
  "reship",
  "resolve",
  "quarantine list",
  "quarantine ack",
  "quarantine purge"
]

/** What has to have happened in any two thousand runs. */
export const REQUIRED: ReadonlyArray<string> = [
  ...Object.keys(EVENTS)
    .filter((kind) => kind !== "call")
    .map((kind) => `event: ${kind}`),
  ...CONNECTION_FATES.map((fate) => `connection: ${fate}`),
  "connection: unplugged",
  "connection: thin",
  ...PROXY_ANSWERS.map((answer) => `proxy: ${answer}`),
  ...CODES.flatMap((code) => [`call: Fail ${code}`, `call: FailAfter ${code}`]),
  ...CRASHES.map((crash) => `call: ${crash}`),
  "call: slow",
  ...CALL_CLASSES.map((of) => `class: ${of}`),
  ...COMMANDS.map((command) => `operator: ${command}`),
  "power: cut",
  "ended: for want of a beat",
  ...["201", "200", "400", "401", "408", "409", "412", "413", "422", "429", "503", "507"].map(
    (status) => `answer: PUT ${status}`
  ),
  ...["200", "400", "401", "409", "412", "413", "429", "503", "507"].map((status) => `answer: POST ${status}`),
  ...["200", "201"].map((status) => `answer: PATCH ${status}`),
  ...["POST 201", "HEAD 204", "HEAD 404", "PATCH 204", "PATCH 408", "PATCH 409", "PATCH 429", "PATCH 503"].map(
    (answer) => `upload: ${answer}`
  ),
  "uploads: left to expire",
  "answer: HEAD 200",
  "answer: HEAD 404",
  ...["Shipped", "Held", "Untouched", "Bereft"].map((rest) => `rest: ${rest}`),
  ...["bad_request", "out_of_window", "too_large", "unpackable", "unstamped", "conflict"].map(
    (reason) => `rest: Quarantined ${reason}`
  ),
  ...[
    "incoming → store",
    "outbox → outbox",
    "drafts → shipped",
    "episodes → shipped",
    "drafts → episodes",
    "episodes → quarantine",
    "drafts → outbox",
    "quarantine → episodes",
    "shipped → episodes",
    "shipped → trash",
    "quarantine → trash",
    "episodes → episodes"
  ].map((move) => `move: ${move}`)
]

export interface Coverage {
  readonly add: (counts: Iterable<readonly [string, number]>) => void
  readonly missing: () => ReadonlyArray<string>
  readonly table: () => string
}

export const makeCoverage = (): Coverage => {
  const total = new Map<string, number>()
  return {
    add: (counts) => {
      for (const [key, count] of counts) total.set(key, (total.get(key) ?? 0) + count)
    },
    missing: () => REQUIRED.filter((key) => !total.has(key)),
    table: () => {
      const groups = Map.groupBy(
        [...total].toSorted(([a], [b]) => (a < b ? -1 : 1)),
        ([key]) => key.slice(0, key.indexOf(":"))
      )
      return [...groups]
        .map(
          ([group, rows]) =>
            `${group}\n${rows.map(([key, count]) => `  ${String(count).padStart(7)}  ${key.slice(group.length + 2)}`).join("\n")}`
        )
        .join("\n")
    }
  }
}
