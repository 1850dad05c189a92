/** What master and agent say to each other. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { HostId, Sha256 } from "../names.ts"
import { complaints } from "./complaints.ts"
import { decodeHydrated, type Hydrated } from "./hydrated.ts"

export const agentPath = {
  health: "/health",
  state: "/topology/state",
  apply: "/topology/apply",
  teardown: "/topology/teardown"
} as const

/** Counts what a master was told to want of a host. The agent obeys none that is lower than the highest it has obeyed. */
export const Generation = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 52 }))

/** Fit for the name of an object; what an agent has in its memory may be older than our grammar. */
const TopologyId = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(256))

const ApplyBody = Schema.Struct({ hydrated: Schema.Unknown, version_hash: Sha256, generation: Generation })
const TeardownBody = Schema.Struct({ topology_id: TopologyId, generation: Generation })

export interface ApplyRequest {
  readonly hydrated: Hydrated
  readonly version_hash: Sha256
  readonly generation: number
}
export type TeardownRequest = typeof TeardownBody.Type

const strictly = { errors: "all", onExcessProperty: "error" } as const

const inWords = <A>(result: Result.Result<A, Schema.SchemaError>): Result.Result<A, ReadonlyArray<string>> =>
  Result.mapError(result, (error) => complaints(error.issue))

/** The body of `POST /topology/apply`, or all that is wrong with it. Whether the hash is that of the content is not looked at. */
export const decodeApply = (body: unknown): Result.Result<ApplyRequest, ReadonlyArray<string>> =>
  Result.flatMap(inWords(Schema.decodeUnknownResult(ApplyBody, strictly)(body)), ({ hydrated, ...rest }) =>
    Result.map(decodeHydrated(hydrated), (topology) => ({ ...rest, hydrated: topology }))
  )

/** The body of `POST /topology/teardown`, or all that is wrong with it. */
export const decodeTeardown = (body: unknown): Result.Result<TeardownRequest, ReadonlyArray<string>> =>
  inWords(Schema.decodeUnknownResult(TeardownBody, strictly)(body))

const perhaps = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))
const Words = Schema.String.check(Schema.isMaxLength(65_536))

/** Of each kind; more than any engine runs. */
const MOST_SEEN = 5000

/** Something in the engine that has our label. One that is only named is taken for sound. */
const Thing = Schema.Struct({
  name: Words,
  /** Whose it is, by its label. */
  topology_id: perhaps(Words)
})
const Container = Schema.Struct({
  ...Thing.fields,
  /** As the engine says: `running`, `exited`, … */
  state: perhaps(Words),
  /** The names of the bridges it is on. */
  networks: perhaps(Schema.Array(Words).check(Schema.isMaxLength(MOST_SEEN)))
})

const seen = <S extends Schema.Top>(schema: S) =>
  Schema.Array(Schema.Union([Words, schema])).check(Schema.isMaxLength(MOST_SEEN))

/** What the engine has of ours now, or why that cannot be told. */
export const Observed = Schema.Union([
  Schema.Struct({ bridges: seen(Thing), containers: seen(Container) }),
  Schema.Struct({ error: Words })
])
export type Observed = typeof Observed.Type

/** The answer to `GET /topology/state`: what was applied, as the agent remembers it, and what is there. */
export const TopologyState = Schema.Struct({
  topology_id: Schema.NullOr(Words),
  /** Empty while it is being applied, and when that did not succeed. */
  applied_version_hash: Schema.NullOr(Words),
  /** Seconds since 1970. */
  applied_at: perhaps(Schema.Finite),
  last_error: perhaps(Words),
  /** The highest that was obeyed. */
  generation: perhaps(Generation),
  observed: perhaps(Observed)
})
export type TopologyState = typeof TopologyState.Type

/** The body of `POST /v1/heartbeat`. Members we do not know are kept out of the way. */
export const Heartbeat = Schema.Struct({
  host_id: HostId,
  agent_version: perhaps(Words),
  topology: Schema.NullOr(TopologyState)
})
export type Heartbeat = typeof Heartbeat.Type

/** The body of `PUT /v1/hosts/{host_id}/topology`: a topology, or null for nothing. */
export const decodeWanted = (body: unknown): Result.Result<Hydrated | null, ReadonlyArray<string>> =>
  body === null ? Result.succeed(null) : decodeHydrated(body)
