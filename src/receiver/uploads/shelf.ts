/** Which uploads there are, and which of them have to go. Pure: nothing here touches the disk; `now` is of `steadyMillis`. */
import type { HostId } from "../../domain/names.ts"
import type { Problem } from "../../domain/protocol.ts"
import type { UploadToken } from "../../domain/upload/token.ts"
import type { Limits } from "../limits.ts"
import type { Announcement } from "../questions.ts"
import type { Upload } from "./Upload.ts"

/** How long an upload that is stored is kept in mind, for a client that missed the answer. Milliseconds. */
const REMEMBER_MILLIS = 3_600_000
/** Of those that are stored; the rest is found by the episode's name all the same. */
const MAX_REMEMBERED = 1000
/** An upload that rested so long makes room for another one of its host. Milliseconds. */
const RESTED_MILLIS = 600_000

type Bounds = Limits["Service"]["uploads"]

const tooManyOpen = (hostId: HostId, { maxBytesPerHost, maxPerHost }: Bounds): Problem => ({
  problem: "too-many-open-uploads",
  error: `${hostId} has uploads open that a new one would bring above limits.max_uploads_per_host = ${maxPerHost} or limits.max_upload_bytes_per_host = ${maxBytesPerHost}`,
  remediation: "finish or cancel (DELETE) one of them, or send this episode in one PUT"
})

export const makeShelf = (bounds: Bounds) => {
  const uploads = new Map<UploadToken, Upload>()

  const openOf = (hostId: HostId): ReadonlyArray<Upload> =>
    [...uploads.values()].filter(({ announced, fate }) => fate === "open" && announced.hostId === hostId)

  const isExpired = ({ fate, movedAt, visitors }: Upload, now: number): boolean =>
    visitors === 0 && now - movedAt >= (fate === "open" ? bounds.expiryMillis : REMEMBER_MILLIS)

  const fits = (open: ReadonlyArray<Upload>, { bytes }: Announcement): boolean =>
    open.length === 0 ||
    (open.length < bounds.maxPerHost &&
      open.reduce((sum, { announced }) => sum + announced.bytes, bytes) <= bounds.maxBytesPerHost)

  /**
   * The uploads of a host that have to make room for one more: those that rested longest, none that moved a moment ago. A host that
   * has none open may begin one of any size.
   */
  const toMakeRoom = (announced: Announcement, now: number): ReadonlyArray<Upload> | Problem => {
    let open = openOf(announced.hostId).toSorted((a, b) => a.movedAt - b.movedAt)
    const leaving: Array<Upload> = []
    while (!fits(open, announced)) {
      const next = open.find(({ movedAt, visitors }) => visitors === 0 && now - movedAt >= RESTED_MILLIS)
      if (next === undefined) return tooManyOpen(announced.hostId, bounds)
      leaving.push(next)
      open = open.filter((upload) => upload !== next)
    }
    return leaving
  }

  return {
    add: (upload: Upload): void => void uploads.set(upload.token, upload),
    get: (token: UploadToken): Upload | undefined => uploads.get(token),
    remove: (token: UploadToken): void => void uploads.delete(token),
    isExpired,
    toMakeRoom,
    /** Those whose time is over, and the oldest of too many that are only remembered. */
    overdue: (now: number): ReadonlyArray<Upload> => {
      const all = [...uploads.values()]
      const stored = all.filter(({ fate }) => fate === "stored").toSorted((a, b) => b.movedAt - a.movedAt)
      const over = new Set(stored.slice(MAX_REMEMBERED))
      return all.filter((upload) => isExpired(upload, now) || (over.has(upload) && upload.visitors === 0))
    },
    open: (): ReadonlyArray<Upload> => [...uploads.values()].filter(({ fate }) => fate === "open")
  }
}
export type Shelf = ReturnType<typeof makeShelf>
