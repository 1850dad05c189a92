import { expect, test } from "vitest"
import { EpisodeId, HostId, Sha256 } from "../../src/domain/names.ts"
import { UploadToken } from "../../src/domain/upload/token.ts"
import { makeShelf } from "../../src/receiver/uploads/shelf.ts"
import { makeUpload, type Upload } from "../../src/receiver/uploads/Upload.ts"

const MINUTE = 60_000
const bounds = { expiryMillis: 60 * MINUTE, maxPerHost: 3, maxBytesPerHost: 100 }

let made = 0
const announcement = (host: string, bytes: number) => ({
  hostId: HostId.make(host),
  episodeId: EpisodeId.make("e"),
  bytes,
  sha256: Sha256.make("0".repeat(64)),
  contentSha256: undefined,
  commit: undefined
})
const upload = (host: string, bytes: number, movedAt: number): Upload => {
  const token = UploadToken.make((made++).toString(16).padStart(32, "0"))
  return makeUpload(token, { announced: announcement(host, bytes), offset: 0 }, movedAt)
}
const shelfOf = (...uploads: ReadonlyArray<Upload>) => {
  const shelf = makeShelf(bounds)
  for (const each of uploads) shelf.add(each)
  return shelf
}

test("those that rested longest make room, no more of them than have to, and none that moved or is in use", () => {
  const [oldest, older, fresh] = [upload("a", 40, 0), upload("a", 40, 1), upload("a", 20, 15 * MINUTE)]
  const shelf = shelfOf(fresh, older, oldest, upload("b", 100, 0))
  const now = 20 * MINUTE
  expect(shelf.toMakeRoom(announcement("a", 40), now)).toEqual([oldest])
  expect(shelf.toMakeRoom(announcement("a", 80), now)).toEqual([oldest, older])
  expect(shelf.toMakeRoom(announcement("a", 81), now)).toMatchObject({ problem: "too-many-open-uploads" })
  oldest.visitors = 1
  expect(shelf.toMakeRoom(announcement("a", 40), now)).toEqual([older])
  expect(shelf.toMakeRoom(announcement("a", 40), 9 * MINUTE)).toMatchObject({ problem: "too-many-open-uploads" })
})

test("a host without uploads may begin one of any size, one with some may not", () => {
  const shelf = shelfOf(upload("b", 1, 0))
  expect(shelf.toMakeRoom(announcement("a", 101), 0)).toEqual([])
  expect(shelf.toMakeRoom(announcement("b", 100), 0)).toMatchObject({ problem: "too-many-open-uploads" })
})

test("what is stored counts against no limit, and is forgotten after an hour", () => {
  const stored = upload("a", 100, 0)
  stored.fate = "stored"
  const shelf = shelfOf(stored)
  expect(shelf.toMakeRoom(announcement("a", 100), 0)).toEqual([])
  expect(shelf.overdue(60 * MINUTE - 1)).toEqual([])
  expect(shelf.overdue(60 * MINUTE)).toEqual([stored])
})

test("an open upload is overdue when its time is over and nobody is at it", () => {
  const [over, used, fresh] = [upload("a", 1, 0), upload("a", 1, 0), upload("a", 1, 1)]
  used.visitors = 1
  expect(shelfOf(over, used, fresh).overdue(bounds.expiryMillis)).toEqual([over])
})

test("of what is stored only so many are remembered, the newest", () => {
  const uploads = Array.from({ length: 1003 }, (_, at) => upload("a", 1, at))
  for (const each of uploads) each.fate = "stored"
  expect(new Set(shelfOf(...uploads).overdue(2000))).toEqual(new Set(uploads.slice(0, 3)))
})
