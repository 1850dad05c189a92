import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { EpisodeId, HostId } from "../domain/names.ts"
import { IndexRow } from "../domain/row.ts"
import type { EpisodeName } from "./storePaths.ts"

/** What a line of the index says. */
export type Line =
  | { readonly _tag: "Stands"; readonly name: EpisodeName; readonly row: IndexRow }
  /** `row`: what was withdrawn, where the line says it. */
  | { readonly _tag: "Withdrawn"; readonly name: EpisodeName; readonly row: IndexRow | undefined }
  | { readonly _tag: "Blank" }
  | { readonly _tag: "Unreadable" }

const Withdrawal = Schema.Struct({ host_id: HostId, episode_id: EpisodeId, status: Schema.Literal("withdrawn") })
const decodeWithdrawal = Schema.decodeUnknownOption(Withdrawal)
const decodeRow = Schema.decodeUnknownOption(IndexRow)

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

/** Whether a line is whole, whatever it says: a line that a crash tore is no JSON. */
export const isWhole = (text: string): boolean => text.trim() === "" || Option.isSome(parseJson(text))

const nameIn = ({ host_id, episode_id }: Pick<IndexRow, "host_id" | "episode_id">): EpisodeName => ({
  hostId: host_id,
  episodeId: episode_id
})

/** What others write where there is nothing to say. */
const withoutNulls = (value: unknown): unknown =>
  Predicate.isObject(value) && Object.values(value).includes(null)
    ? Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null))
    : value

const readValue = (value: unknown): Line => {
  const withdrawn = Option.getOrUndefined(decodeWithdrawal(value))
  const row = Option.getOrUndefined(decodeRow(value))
  if (withdrawn !== undefined) return { _tag: "Withdrawn", name: nameIn(withdrawn), row }
  return row === undefined ? { _tag: "Unreadable" } : { _tag: "Stands", name: nameIn(row), row }
}

export const parseLine = (text: string): Line =>
  text.trim() === ""
    ? { _tag: "Blank" }
    : Option.match(parseJson(text), {
        onNone: (): Line => ({ _tag: "Unreadable" }),
        onSome: (value) => readValue(withoutNulls(value))
      })

/**
 * What `formatRow` writes, with or without a space behind colons and commas, told without parsing: whoever builds a lookup reads
 * millions of lines.
 */
const OURS = new RegExp(
  `^\\{${[
    '"schema_version": ?1',
    '"host_id": ?"([A-Za-z0-9][A-Za-z0-9._-]{0,63})"',
    '"episode_id": ?"([A-Za-z0-9][A-Za-z0-9._-]{0,127})"',
    '"sha256": ?"[0-9a-f]{64}"',
    '"bytes": ?(?:0|[1-9][0-9]{0,14})',
    '"content_sha256": ?"[0-9a-f]{64}"',
    '"received_at": ?"[0-9TZ:.+-]*"'
  ].join(", ?")}(?:, ?"commit": ?"[0-9a-f]{40}")?\\}$`
)

/** The name a line is about, and whether its row stands from there on. */
export type Subject = { readonly name: EpisodeName; readonly stands: boolean } | "blank" | "unreadable"

export const subjectOf = (text: string): Subject => {
  const ours = OURS.exec(text)
  if (ours !== null) return { name: { hostId: ours[1] as HostId, episodeId: ours[2] as EpisodeId }, stands: true }
  const line = parseLine(text)
  switch (line._tag) {
    case "Stands":
    case "Withdrawn":
      return { name: line.name, stands: line._tag === "Stands" }
    case "Blank":
      return "blank"
    case "Unreadable":
      return "unreadable"
  }
}

/** The line of a row of ours, its members in the order people know. */
export const formatRow = (row: IndexRow): string =>
  `${JSON.stringify({
    schema_version: row.schema_version,
    host_id: row.host_id,
    episode_id: row.episode_id,
    sha256: row.sha256,
    bytes: row.bytes,
    content_sha256: row.content_sha256,
    received_at: row.received_at,
    commit: row.commit,
    status: row.status
  })}\n`
