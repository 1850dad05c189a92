import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { EpisodeId, HostId } from "../domain/names.ts"
import { IndexRow } from "../domain/row.ts"
import type { EpisodeName } from "./storePaths.ts"

/** What a line of the index says. */
export type Line =
  | { readonly _tag: "Stands"; readonly row: IndexRow }
  | { readonly _tag: "Withdrawn"; readonly name: EpisodeName }
  | { readonly _tag: "Blank" }
  | { readonly _tag: "Unreadable" }

const Withdrawal = Schema.Struct({ host_id: HostId, episode_id: EpisodeId, status: Schema.Literal("withdrawn") })
const decodeWithdrawal = Schema.decodeUnknownOption(Withdrawal)
const decodeRow = Schema.decodeUnknownOption(IndexRow)

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

/** Whether a line is whole, whatever it says: a line that a crash tore is no JSON. */
export const isWhole = (text: string): boolean => text.trim() === "" || Option.isSome(parseJson(text))

const readValue = (value: unknown): Line => {
  const withdrawn = Option.getOrUndefined(decodeWithdrawal(value))
  if (withdrawn !== undefined) {
    return { _tag: "Withdrawn", name: { hostId: withdrawn.host_id, episodeId: withdrawn.episode_id } }
  }
  return Option.match(decodeRow(value), {
    onNone: (): Line => ({ _tag: "Unreadable" }),
    onSome: (row): Line => ({ _tag: "Stands", row })
  })
}

export const parseLine = (text: string): Line =>
  text.trim() === ""
    ? { _tag: "Blank" }
    : Option.match(parseJson(text), { onNone: (): Line => ({ _tag: "Unreadable" }), onSome: readValue })

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
