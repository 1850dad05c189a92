/** From a seed to a plan. Every draw has a label, so that a new kind of trouble leaves the others where they were. */
import { makeRandom, type Random } from "../kernel/random.ts"
import { CONNECTION_FATES } from "./connections.ts"
import { MAX_EPISODE_BYTES } from "./content.ts"
import {
  type CallClass,
  type CallFate,
  EPISODE_KINDS,
  type EpisodeKind,
  type EpisodePlan,
  type Event,
  type Happening,
  type HostPlan,
  LAST_EVENT_MILLIS,
  type Plan,
  PROXY_ANSWERS,
  RECEIVER_ACTOR,
  RECEIVER_MACHINE,
  type ReceiverPlan,
  shipperOf
} from "./plan.ts"

const weighted = <A>(random: Random, table: ReadonlyArray<readonly [number, A]>): A => {
  let at = random.next() * table.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, value] of table) if ((at -= weight) < 0) return value
  throw new Error("an empty table")
}

const kindOf = (random: Random): EpisodeKind => (random.chance(0.6) ? "good" : random.pick(EPISODE_KINDS))

/** Some of the good ones of a host that records much. */
const sizeOf = (random: Random, kind: EpisodeKind, large: boolean): EpisodeKind =>
  large && kind === "good" && random.chance(0.4) ? "large" : kind

const episodeOf = (random: Random, index: number, large: boolean): EpisodePlan => ({
  id: `01J${index}-${random.fork("id").int(1000)}`,
  at: random.fork("at").chance(0.5) ? 0 : random.fork("when").int(40_000),
  kind: sizeOf(random.fork("size"), kindOf(random.fork("kind")), large),
  manifest: random.fork("manifest").chance(0.5),
  careful: random.fork("careful").chance(0.8)
})

/** What goes by appends: what the program finds large, which is nothing here; everything; or what is large here. */
const RESUMING = [{}, { resumeAboveBytes: 100 }, { resumeAboveBytes: 20_000 }] as const

const hostOf = (random: Random, name: string): HostPlan => {
  const resuming = random.fork("resume").pick(RESUMING)
  return {
    name,
    episodes: Array.from({ length: 1 + random.fork("episodes").int(4) }, (_, i) =>
      episodeOf(random.fork(`episode ${i}`), i, "resumeAboveBytes" in resuming)
    ),
    concurrency: random.fork("concurrency").pick([1, 2, 4]),
    scanIntervalSeconds: random.fork("scan").pick([3, 5, 10]),
    checkinIntervalSeconds: random.fork("checkin").pick([0, 20]),
    keepLocalForDays: random.fork("keep").pick([0, 7]),
    ...resuming
  }
}

const receiverOf = (random: Random): ReceiverPlan => ({
  gate: random.fork("gate").chance(0.8),
  window: random.fork("window").pick([2, 5]),
  cacheTtlSeconds: random.fork("ttl").pick([1, 5, 30]),
  maxConcurrentUploads: random.fork("uploads").pick([1, 2, 16]),
  maxEpisodeBytes: MAX_EPISODE_BYTES,
  ...random.fork("open").pick([{}, { maxUploadsPerHost: 1 }, { maxUploadsPerHost: 3 }])
})

interface Scene {
  readonly random: Random
  readonly hosts: ReadonlyArray<HostPlan>
  /** The host and the episode that it is about. */
  readonly host: HostPlan
  readonly episode: EpisodePlan
  readonly at: number
}
type Story = (scene: Scene) => ReadonlyArray<Happening>

const CODES = ["EIO", "ENOSPC", "EACCES", "EMFILE"] as const
const classReach: Readonly<Record<CallClass, number>> = {
  any: 400,
  mutating: 60,
  sync: 25,
  write: 25,
  rename: 12,
  read: 60,
  partial: 6,
  index: 10,
  lookup: 12,
  upload: 40
}
const CLASSES_OF_SHIPPER: ReadonlyArray<CallClass> = ["any", "mutating", "sync", "write", "rename", "read", "partial"]
const CLASSES_OF_RECEIVER: ReadonlyArray<CallClass> = [
  "any",
  "mutating",
  "sync",
  "write",
  "read",
  "index",
  "index",
  "lookup",
  "upload"
]

const fateOf = (random: Random): CallFate =>
  weighted<() => CallFate>(random.fork("fate"), [
    [3, () => ({ _tag: "Fail", code: random.fork("code").pick(CODES) })],
    [2, () => ({ _tag: "FailAfter", code: random.fork("code").pick(CODES) })],
    [
      4,
      () => ({
        _tag: "Crash",
        when: random.fork("when").pick(["before", "after"]),
        how: random.fork("how").pick(["kill", "power"])
      })
    ],
    [2, () => ({ _tag: "Slow", millis: 1 + random.fork("millis").int(20_000) })]
  ])()

const callOf = (random: Random, actor: string, classes: ReadonlyArray<CallClass>, fate: CallFate): Happening => {
  const of = random.fork("class").pick(classes)
  return { kind: "call", actor, of, nth: 1 + random.fork("nth").int(classReach[of]), fate }
}

const shipperCall: Story = ({ host, random }) => [
  callOf(random, shipperOf(host.name), CLASSES_OF_SHIPPER, fateOf(random))
]
const receiverCall: Story = ({ random }) => [callOf(random, RECEIVER_ACTOR, CLASSES_OF_RECEIVER, fateOf(random))]

/** What stands between a body that came whole and its answer. */
const storing: Story = ({ random }) => {
  const of = random.fork("class").pick(["index", "rename"] as const)
  return [
    { kind: "call", actor: RECEIVER_ACTOR, of, nth: 1 + random.fork("nth").int(classReach[of]), fate: fateOf(random) }
  ]
}

const crash: Story = ({ at, host, random }) => [
  {
    kind: "crash",
    at,
    machine: random.fork("where").pick([host.name, RECEIVER_MACHINE]),
    how: random.fork("how").pick(["kill", "power"]),
    offMillis: 500 + random.fork("off").int(8000)
  }
]
const restart: Story = ({ at, host, random }) => [
  { kind: "restart", at, machine: random.fork("where").pick([host.name, RECEIVER_MACHINE]) }
]
const connection: Story = ({ host, random }) => [
  {
    kind: "connection",
    host: host.name,
    nth: 1 + random.fork("nth").int(10),
    fate: random.fork("fate").pick(CONNECTION_FATES)
  }
]

const DAYS = 86_400_000
const YEARS = 365.25 * DAYS
const clock: Story = ({ at, host, random }) => [
  {
    kind: "clock",
    at,
    machine: random.fork("where").pick([host.name, RECEIVER_MACHINE]),
    byMillis: random.fork("by").pick([-56.5 * YEARS, 10 * YEARS, -10 * YEARS, 8 * DAYS, -30_000, -1500, 3_600_000])
  }
]
const lasting = (random: Random): number => 2000 + random.fork("for").int(20_000)
const proxy: Story = ({ at, host, random }) => [
  { kind: "proxy", at, host: host.name, forMillis: lasting(random), answer: random.fork("answer").pick(PROXY_ANSWERS) }
]
const unplugged: Story = ({ at, host, random }) => [
  { kind: "unplugged", at, host: host.name, forMillis: lasting(random) }
]
const thinFor = (random: Random, host: HostPlan): Happening => ({
  kind: "thin",
  at: 0,
  host: host.name,
  forMillis: 20_000 + random.fork("for").int(40_000),
  bytesPerSecond: random.fork("rate").pick([300, 10_000, 40_000]),
  dropsAfterMillis: 400 + random.fork("drops").int(15_000)
})
const thin: Story = ({ host, random }) => [thinFor(random, host)]
/** What was told before the receiver went holds when it is back. */
const thinAndCrashed: Story = ({ host, random }) => [
  thinFor(random, host),
  ...[0, 1].map(
    (n): Happening => ({
      kind: "crash",
      at: 1000 + random.fork(`at ${n}`).int(30_000),
      machine: RECEIVER_MACHINE,
      how: random.fork(`how ${n}`).pick(["kill", "power", "power"]),
      offMillis: 500 + random.fork(`off ${n}`).int(3000)
    })
  )
]
/** What was sent in pieces comes once more, beside what comes next. */
const appendedTwice: Story = ({ host, random }) => [
  { ...thinFor(random, host), forMillis: 12_000 + random.fork("until").int(12_000) },
  ...[0, 1, 2].map(
    (n): Happening => ({
      kind: "connection",
      host: host.name,
      nth: 4 + 2 * n + random.fork(`nth ${n}`).int(3),
      fate: "duplicated"
    })
  )
]
/** The receiver gives it up before it is through: when it starts, it is a week later. */
const expired: Story = ({ host, random }) => {
  const at = 2000 + random.fork("then").int(15_000)
  return [
    thinFor(random, host),
    { kind: "clock", at, machine: RECEIVER_MACHINE, byMillis: 8 * DAYS },
    { kind: "restart", at: at + 1000, machine: RECEIVER_MACHINE }
  ]
}
/** Some of what an upload writes goes wrong. */
const uploading: Story = ({ host, random }) => [
  thinFor(random, host),
  callOf(random, RECEIVER_ACTOR, ["upload"], fateOf(random))
]
const forgejo: Story = ({ at, random }) => [
  {
    kind: "forgejo",
    at: random.fork("early").chance(0.5) ? 0 : at,
    forMillis: lasting(random),
    mode: random.fork("mode").pick(["down", "empty", "slow", "silent"])
  }
]
const push: Story = ({ at, random }) => [{ kind: "push", at, commits: 1 + random.fork("commits").int(3) }]
const diskFull: Story = ({ at, host, random }) => [
  {
    kind: "diskFull",
    at,
    machine: random.fork("where").pick([host.name, RECEIVER_MACHINE]),
    forMillis: lasting(random),
    leaveBytes: random.fork("leave").pick([0, 100, 600, 4096, 20_000])
  }
]
const wrongToken: Story = ({ at, host, random }) => [
  { kind: "wrongToken", at, host: host.name, forMillis: lasting(random) }
]

const commandsOn = ({ episode }: Scene): ReadonlyArray<ReadonlyArray<string>> => [
  ["once"],
  ["run"],
  ["status"],
  ["ping"],
  ["drain"],
  ["requeue", "--all"],
  ["requeue", episode.id],
  ["retry", "--all"],
  ["reship", "--all"],
  ["reship", episode.id],
  ["resolve", episode.id, "--keep-stored"],
  ["resolve", episode.id, "--as", `${episode.id}-b`],
  ["quarantine", "list"],
  ["quarantine", "ack", episode.id],
  ["quarantine", "purge", episode.id]
]
const command: Story = (scene) => [
  { kind: "command", at: scene.at, host: scene.host.name, argv: scene.random.fork("argv").pick(commandsOn(scene)) }
]
const about = ({ at, episode, host }: Scene) => ({ at, host: host.name, episode: episode.id })
const deleted: Story = (scene) => [{ kind: "delete", ...about(scene) }]
const changed: Story = (scene) => [{ kind: "change", ...about(scene) }]
const rerecorded: Story = (scene) => [{ kind: "rerecord", ...about(scene) }]
const movedBack: Story = (scene) => [{ kind: "moveBack", ...about(scene) }]

/** Sent once more though the receiver has lost it. */
const lostAndReshipped: Story = (scene) => [
  { kind: "loseStored", ...about(scene) },
  { kind: "command", at: scene.at + 2000, host: scene.host.name, argv: ["reship", "--all"] }
]
const lostAndCrowded: Story = (scene) => [
  { kind: "loseStored", ...about(scene) },
  { kind: "diskFull", at: scene.at + 1000, machine: scene.host.name, forMillis: 15_000, leaveBytes: 20_000 }
]
/** It cannot be sent for a while, and somebody writes to it in the meantime. */
const changedWhileWaiting: Story = (scene) => [
  { kind: "unplugged", at: 0, host: scene.host.name, forMillis: 12_000 + scene.random.fork("for").int(10_000) },
  { kind: "change", host: scene.host.name, episode: scene.episode.id, at: 8000 }
]
/** Somebody writes to it while it is on its way. */
const changedInFlight: Story = (scene) => [
  { kind: "connection", host: scene.host.name, nth: 1 + scene.random.fork("nth").int(3), fate: "delayed" },
  {
    kind: "change",
    host: scene.host.name,
    episode: scene.episode.id,
    at: scene.episode.at + 500 + scene.random.fork("then").int(6000)
  }
]
const hung: Story = ({ host, random }) => [
  {
    kind: "call",
    actor: shipperOf(host.name),
    of: "partial",
    nth: 1 + random.fork("nth").int(4),
    fate: { _tag: "Slow", millis: 7_200_000 }
  }
]
const slowPacking: Story = ({ host, random }) =>
  [0, 1].map((n) => ({
    kind: "call",
    actor: shipperOf(host.name),
    of: "partial",
    nth: 1 + n + random.fork("nth").int(6),
    fate: { _tag: "Slow", millis: 3000 + random.fork("millis").int(15_000) }
  }))
/** Code that was pushed a moment ago makes an episode at once. */
const freshCode: Story = ({ episode, random }) => [
  {
    kind: "push",
    at: Math.max(0, episode.at - 100 - random.fork("before").int(1500)),
    commits: 1 + random.fork("commits").int(2)
  }
]
const refusedAndRequeued: Story = (scene) => [
  { kind: scene.random.fork("by").chance(0.5) ? "moveBack" : "moveBack", ...about(scene) },
  { kind: "command", at: scene.at + 500, host: scene.host.name, argv: ["requeue", "--all"] }
]
const resentWhileStoring: Story = ({ host, random }) => [
  { kind: "connection", host: host.name, nth: 1 + random.fork("nth").int(3), fate: "duplicated" },
  {
    kind: "call",
    actor: RECEIVER_ACTOR,
    of: random.fork("class").pick(["sync", "index"]),
    nth: 1 + random.fork("sync").int(14),
    fate: { _tag: "Slow", millis: 500 + random.fork("millis").int(8000) }
  }
]
/** Nothing gets through for a while, and somebody takes out of the way what would be refused. */
const drained: Story = ({ host, random }) => [
  { kind: "unplugged", at: 0, host: host.name, forMillis: 20_000 },
  { kind: "command", at: 5000 + random.fork("then").int(14_000), host: host.name, argv: ["drain"] }
]
const conflict: Story = (scene) => [
  { kind: "rerecord", ...about(scene), at: scene.episode.at + 8000 + scene.random.fork("then").int(20_000) },
  ...(scene.random.fork("resolved").chance(0.6)
    ? command({ ...scene, at: 45_000 + scene.random.fork("later").int(20_000) })
    : [])
]

const STORIES: ReadonlyArray<readonly [number, string, Story]> = [
  [8, "shipperCall", shipperCall],
  [8, "receiverCall", receiverCall],
  [4, "storing", storing],
  [3, "crash", crash],
  [1, "restart", restart],
  [8, "connection", connection],
  [2, "clock", clock],
  [4, "proxy", proxy],
  [2, "unplugged", unplugged],
  [3, "thin", thin],
  [3, "thinAndCrashed", thinAndCrashed],
  [3, "uploading", uploading],
  [3, "appendedTwice", appendedTwice],
  [2, "expired", expired],
  [3, "forgejo", forgejo],
  [2, "push", push],
  [3, "diskFull", diskFull],
  [1.5, "wrongToken", wrongToken],
  [5, "command", command],
  [1, "deleted", deleted],
  [2, "changed", changed],
  [1.5, "rerecorded", rerecorded],
  [1, "movedBack", movedBack],
  [2, "lostAndReshipped", lostAndReshipped],
  [1, "lostAndCrowded", lostAndCrowded],
  [1.5, "changedWhileWaiting", changedWhileWaiting],
  [1.5, "changedInFlight", changedInFlight],
  [1, "hung", hung],
  [1.5, "slowPacking", slowPacking],
  [2, "freshCode", freshCode],
  [1, "refusedAndRequeued", refusedAndRequeued],
  [2, "resentWhileStoring", resentWhileStoring],
  [2, "drained", drained],
  [2, "conflict", conflict]
]

const tell = (random: Random, hosts: ReadonlyArray<HostPlan>, label: string): ReadonlyArray<Event> => {
  const [, name, story] = weighted(
    random.fork("story"),
    STORIES.map((row) => [row[0], row] as const)
  )
  const host = random.fork("host").pick(hosts)
  const episode = random.fork("episode").pick(host.episodes)
  const at = random.fork("at").int(LAST_EVENT_MILLIS)
  return story({ random: random.fork(name), hosts, host, episode, at }).map((event, i) => ({
    ...event,
    label: `${label}.${i} ${name}`
  }))
}

export const generate = (seed: number): Plan => {
  const random = makeRandom(seed)
  const hosts = Array.from({ length: random.fork("hosts").pick([1, 1, 1, 2, 2, 3]) }, (_, i) =>
    hostOf(random.fork(`host ${i}`), `lab-${i + 1}`)
  )
  const stories = random.fork("stories").int(6)
  return {
    seed,
    hosts,
    receiver: receiverOf(random.fork("receiver")),
    events: Array.from({ length: stories }, (_, i) => tell(random.fork(`story ${i}`), hosts, String(i))).flat()
  }
}
