import * as Schema from "effect/Schema"

/** Who recorded: 1 to 64 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit. */
export const HostId = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)).pipe(
  Schema.brand("HostId")
)
export type HostId = typeof HostId.Type

/** What was recorded: like a `HostId`, up to 128 long. Recorders use ULIDs, so that names sort by time. */
export const EpisodeId = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)).pipe(
  Schema.brand("EpisodeId")
)
export type EpisodeId = typeof EpisodeId.Type

/** A git commit: 40 lower-case hexadecimal digits. */
export const Commit = Schema.String.check(Schema.isPattern(/^[0-9a-f]{40}$/)).pipe(Schema.brand("Commit"))
export type Commit = typeof Commit.Type

/** A SHA-256 in lower-case hexadecimal. */
export const Sha256 = Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/)).pipe(Schema.brand("Sha256"))
export type Sha256 = typeof Sha256.Type

export const isHostId = Schema.is(HostId)
export const isEpisodeId = Schema.is(EpisodeId)
export const isCommit = Schema.is(Commit)
export const isSha256 = Schema.is(Sha256)

/**
 * The names to try, in order, for something that may never overwrite: `name`, `name~1`, `name~2`, …
 * No id contains `~`, so that the id can always be read back with `withoutSuffix`.
 */
export const suffixed = (name: string, attempt: number): string => (attempt === 0 ? name : `${name}~${attempt}`)

/** The id in a name that `suffixed` may have made. */
export const withoutSuffix = (name: string): string => name.replace(/~[0-9]+$/, "")
