/** Small plans in which nothing goes wrong, each one way that an episode can go: every single call of theirs is made to fail. */
import { MAX_EPISODE_BYTES } from "./plan/content.ts"
import type { EpisodeKind, Event, HostPlan, Plan } from "./plan/plan.ts"

const HOST = "lab-1"
const ID = "01J0-1"

const journey = (
  kind: EpisodeKind,
  events: ReadonlyArray<Event> = [],
  keepLocalForDays = 7,
  host: Partial<HostPlan> = {}
): Plan => ({
  seed: 1,
  hosts: [
    {
      name: HOST,
      episodes: [{ id: ID, at: 0, kind, manifest: true, careful: true }],
      concurrency: 1,
      scanIntervalSeconds: 5,
      checkinIntervalSeconds: 0,
      keepLocalForDays,
      ...host
    }
  ],
  receiver: { gate: true, window: 5, cacheTtlSeconds: 60, maxConcurrentUploads: 4, maxEpisodeBytes: MAX_EPISODE_BYTES },
  events
})

const about = { host: HOST, episode: ID } as const

export const journeys = {
  shipped: journey("good"),
  quarantined: journey("oldCommit"),
  unpackable: journey("symlink"),
  conflict: journey("good", [
    { kind: "rerecord", at: 8000, ...about, label: "rerecord" },
    { kind: "command", at: 14_000, host: HOST, argv: ["resolve", ID, "--keep-stored"], label: "resolve" }
  ]),
  reshipped: journey("good", [
    { kind: "loseStored", at: 8000, ...about, label: "lose" },
    { kind: "command", at: 9000, host: HOST, argv: ["reship", "--all"], label: "reship" }
  ]),
  requeued: journey("oldCommit", [
    { kind: "command", at: 8000, host: HOST, argv: ["requeue", "--all"], label: "requeue" }
  ]),
  resumed: journey(
    "large",
    [
      {
        kind: "thin",
        at: 0,
        host: HOST,
        forMillis: 60_000,
        bytesPerSecond: 40_000,
        dropsAfterMillis: 3000,
        label: "thin"
      }
    ],
    7,
    { resumeAboveBytes: 20_000 }
  ),
  pruned: journey("good", [
    { kind: "diskFull", at: 8000, machine: HOST, forMillis: 8000, leaveBytes: 40_000, label: "full" }
  ])
} as const satisfies Readonly<Record<string, Plan>>

export type JourneyName = keyof typeof journeys
