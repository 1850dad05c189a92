import { readFileSync } from "node:fs"
import { rm } from "node:fs/promises"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Problem, StoredAnswer } from "../../src/domain/protocol.ts"
import type { IndexRow } from "../../src/domain/row.ts"
import { type Arrival, Dataset, type Standing } from "../../src/receiver/Dataset.ts"
import { otherContent, storedCopyLost } from "../../src/receiver/problems.ts"

type Row = IndexRow & { readonly content_sha256: NonNullable<IndexRow["content_sha256"]> }

/** A dataset in memory that tests can look into and get into trouble. */
export const makeMemoryDataset = () => {
  const rows = new Map<string, Row>()
  const lost = new Set<string>()
  const arrivals: Array<Arrival & { readonly content: Uint8Array }> = []
  const control = {
    trouble: undefined as string | undefined,
    /** What is stored cannot be told. */
    unreadable: false,
    /** Every question and every commit dies of this. */
    defect: undefined as Error | undefined,
    /** Commits wait for it. */
    hold: undefined as Deferred.Deferred<void> | undefined
  }
  const nameOf = (hostId: string, episodeId: string) => `${hostId}/${episodeId}`
  const dies = Effect.suspend(() => (control.defect === undefined ? Effect.void : Effect.die(control.defect)))

  const troubled = Effect.suspend(() =>
    control.unreadable
      ? Effect.fail<Problem>({ problem: "unavailable", error: "the index cannot be read" })
      : Effect.void
  )

  const standing = (hostId: string, episodeId: string): Effect.Effect<Standing, Problem> =>
    Effect.map(Effect.andThen(dies, troubled), (): Standing => {
      const row = rows.get(nameOf(hostId, episodeId))
      if (row === undefined) return { _tag: "Absent" }
      return { _tag: lost.has(nameOf(hostId, episodeId)) ? "Lost" : "Present", row }
    })

  const answer = (status: StoredAnswer["status"], row: Row): StoredAnswer => ({
    status,
    host_id: row.host_id,
    episode_id: row.episode_id,
    sha256: row.sha256,
    bytes: row.bytes,
    content_sha256: row.content_sha256
  })

  const decide = (arrival: Arrival): StoredAnswer | Problem => {
    const name = nameOf(arrival.hostId, arrival.episodeId)
    const row = rows.get(name)
    if (row !== undefined && row.content_sha256 !== arrival.contentSha256) {
      const stored = { sha256: row.sha256, contentSha256: row.content_sha256 }
      return lost.has(name) ? storedCopyLost(stored, arrival) : otherContent(stored, arrival)
    }
    if (row !== undefined && !lost.has(name)) return answer("already_present", row)
    const { bytes, contentSha256, episodeId, hostId, sha256 } = arrival
    const added: Row = { host_id: hostId, episode_id: episodeId, sha256, bytes, content_sha256: contentSha256 }
    rows.set(name, added)
    lost.delete(name)
    arrivals.push({ ...arrival, content: readFileSync(arrival.path) })
    return answer("stored", added)
  }

  const commit = Effect.fnUntraced(function* (arrival: Arrival) {
    yield* dies
    if (control.hold !== undefined) yield* Deferred.await(control.hold)
    const decided = decide(arrival)
    yield* Effect.promise(() => rm(arrival.path, { force: true }))
    return "problem" in decided ? yield* Effect.fail(decided) : decided
  })

  const layer = Layer.succeed(Dataset, { standing, commit, trouble: Effect.map(dies, () => control.trouble) })
  return { arrivals, control, layer, lost, rows }
}
