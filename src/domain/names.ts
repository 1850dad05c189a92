import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

const HOST_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const EPISODE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const COMMIT = /^[0-9a-f]{40}$/
const SHA256 = /^[0-9a-f]{64}$/

/** Who recorded: 1 to 64 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit. */
export const HostId = Schema.String.check(Schema.isPattern(HOST_ID)).pipe(Schema.brand("HostId"))
export type HostId = typeof HostId.Type

/** What was recorded: like a `HostId`, up to 128 long. Recorders use ULIDs, so that names sort by time. */
export const EpisodeId = Schema.String.check(Schema.isPattern(EPISODE_ID)).pipe(Schema.brand("EpisodeId"))
export type EpisodeId = typeof EpisodeId.Type

/** A git commit: 40 lower-case hexadecimal digits. */
export const Commit = Schema.String.check(Schema.isPattern(COMMIT)).pipe(Schema.brand("Commit"))
export type Commit = typeof Commit.Type

/** A SHA-256 in lower-case hexadecimal. */
export const Sha256 = Schema.String.check(Schema.isPattern(SHA256)).pipe(Schema.brand("Sha256"))
export type Sha256 = typeof Sha256.Type

// Not through the schemas: these are asked of every name in a backlog.
const matches =
  <A extends string>(pattern: RegExp) =>
  <I>(value: I): value is I & A =>
    Predicate.isString(value) && pattern.test(value)

export const isHostId = matches<HostId>(HOST_ID)
export const isEpisodeId = matches<EpisodeId>(EPISODE_ID)
export const isCommit = matches<Commit>(COMMIT)
export const isSha256 = matches<Sha256>(SHA256)

/**
 * The names to try, in order, for something that may never overwrite: `name`, `name~1`, `name~2`, …
 * No id contains `~`, so that the id can always be read back with `withoutSuffix`.
 */
export const suffixed = (name: string, attempt: number): string => (attempt === 0 ? name : `${name}~${attempt}`)

/** The id in a name that `suffixed` may have made. */
export const withoutSuffix = (name: string): string => name.replace(/~[0-9]+$/, "")
