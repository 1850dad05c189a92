/** The small files on a lab host: written by us, by recorders, by git, by an editor, or by a disk that failed. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { expect } from "vitest"
import { EpisodeId, isCommit } from "../../../src/domain/names.ts"
import { ConflictNote, ReasonName, Receipt } from "../../../src/domain/reason.ts"
import { makeArchiveCheck } from "../../../src/receiver/archiveCheck.ts"
import type { Volume } from "../../../src/services/Volume.ts"
import { isAcknowledged } from "../../../src/shipper/acknowledgement.ts"
import { whenDue } from "../../../src/shipper/calendar.ts"
import { heldIds, readConflictNote } from "../../../src/shipper/conflictNote.ts"
import { readSuspects } from "../../../src/shipper/damage.ts"
import { readStamp } from "../../../src/shipper/episodeCommit.ts"
import { installedCommit } from "../../../src/shipper/installedCode.ts"
import { LastWords, readLastWords } from "../../../src/shipper/lastWords.ts"
import { Layout, REASON_FILE } from "../../../src/shipper/layout.ts"
import { noTally, PackingNote, readPackingNote, readTally, Tally, tallyOwner } from "../../../src/shipper/notes.ts"
import { readEntry } from "../../../src/shipper/quarantineEntry.ts"
import { readJson } from "../../../src/shipper/readJson.ts"
import { readToken } from "../../../src/token.ts"
import { sha256 as hasher } from "../../support/codecSync.ts"
import { directory, EPISODE, file, META, marker, tarOf } from "../../support/tarball.ts"
import { memoryFiles, onHost, paths } from "../memoryFiles.ts"
import { bytesNear, jsonNear, textNear } from "../mutate.ts"
import { outcomeNow } from "../outcome.ts"
import { type Decoder, row } from "./row.ts"
import { commit, count, episodeId, hostId, sha256, time } from "./samples.ts"
import { LIMITS } from "./streams.ts"

const ID = EpisodeId.make("e1")

type World = FileSystem.FileSystem | Volume | Layout

/** Reads one file of a data root. Nothing that may be in it is more than "this cannot be understood". */
const reads =
  <A, E>(path: string, effect: Effect.Effect<A, E, World>) =>
  (content: string | Uint8Array): A =>
    Result.getOrThrow(outcomeNow(onHost({ [path]: content }, effect)))

const asJson = (value: object): string => JSON.stringify(value)

const reason = fc.record({
  reason: fc.constantFrom(...ReasonName.literals),
  episode_id: episodeId,
  status_code: fc.constantFrom(0, 400, 412, 422),
  error: fc.string(),
  body: fc.jsonValue(),
  commit: fc.option(commit),
  quarantined_at_wall: time
})

const reasons = row({
  reads: "quarantine_reason.json",
  in: ["domain/reason.ts", "shipper/quarantineEntry.ts", "shipper/readJson.ts"],
  sound: reason.map(asJson),
  near: jsonNear(reason),
  read: (text: string) => reads(`${paths.quarantined("e1~1")}/${REASON_FILE}`, readEntry("e1~1", 30))(text),
  typed: (entry) => {
    if (entry === undefined) return expect.unreachable()
    expect(entry.error).toBeTypeOf("string")
    expect(entry.reason === null || Schema.is(ReasonName)(entry.reason)).toBe(true)
    expect(entry.status_code === null || Number.isInteger(entry.status_code)).toBe(true)
    // It is deleted by these.
    expect(Date.parse(entry.quarantined_at)).toBeGreaterThanOrEqual(0)
    expect(Date.parse(entry.deleted_at ?? "")).toBeGreaterThanOrEqual(
      Math.min(Date.parse(entry.quarantined_at) + 30 * 86_400_000, 8.64e15)
    )
  },
  understood: (entry, text) =>
    expect(entry).toMatchObject({
      reason: JSON.parse(text).reason,
      quarantined_at: JSON.parse(text).quarantined_at_wall
    })
})

const conflictNote = fc.record({
  episode_id: episodeId,
  stored_sha256: sha256,
  your_sha256: sha256,
  content_sha256: sha256,
  error: fc.string(),
  remediation: fc.option(fc.string()),
  body: fc.jsonValue(),
  made_from: sha256,
  noted_at: time
})

const conflictNotes = row({
  reads: "conflict notes",
  in: ["shipper/conflictNote.ts"],
  sound: conflictNote.map(asJson),
  near: jsonNear(conflictNote),
  read: (text: string) => reads(paths.conflictNote(ID), Effect.all([readConflictNote(ID), heldIds]))(text),
  typed: ([note, held]) => {
    // Whatever it says, it holds.
    expect(held).toEqual([ID])
    if (note._tag === "Read") expect(Schema.is(ConflictNote)(note.value)).toBe(true)
    else expect(note._tag).toBe("Broken")
  },
  understood: ([note]) => expect(note._tag).toBe("Read")
})

const receipt = fc.record({
  status: fc.constantFrom("stored", "already_present"),
  host_id: hostId,
  episode_id: episodeId,
  sha256,
  bytes: count,
  content_sha256: sha256,
  shipped_at: time
})

const receipts = row({
  reads: "receipts",
  in: ["shipper/cleanup.ts", "shipper/operator/reship.ts", "shipper/operator/requeue.ts", "shipper/operator/status.ts"],
  sound: receipt.map(asJson),
  near: jsonNear(receipt),
  read: (text: string) => reads(paths.receipt("e1"), readJson(paths.receipt("e1"), Receipt))(text),
  typed: (reading) => {
    if (reading._tag === "Read") expect(Schema.is(Receipt)(reading.value)).toBe(true)
    else expect(reading._tag).toBe("Broken")
  },
  understood: (reading, text) =>
    expect(reading).toMatchObject({ _tag: "Read", value: { content_sha256: JSON.parse(text).content_sha256 } })
})

const lastWord = fc.record(
  { last_success_at: time, last_success_episode: episodeId, last_error_at: time, last_error: fc.string() },
  { requiredKeys: [] }
)

const lastWords = row({
  reads: "state/last.json",
  in: ["shipper/lastWords.ts"],
  sound: lastWord.map(asJson),
  near: jsonNear(lastWord),
  read: (text: string) => reads(`${paths.state}/last.json`, readLastWords)(text),
  typed: (words) => expect(Schema.is(LastWords)(words)).toBe(true),
  understood: (words, text) => expect(words).toEqual(JSON.parse(text))
})

const calendar = fc.record({
  passed_at: fc.double({ noNaN: true, noDefaultInfinity: true }),
  cleaned_at: fc.double({ noNaN: true, noDefaultInfinity: true }),
  crowded_at: fc.double({ noNaN: true, noDefaultInfinity: true }),
  unheard_at: fc.double({ noNaN: true, noDefaultInfinity: true }),
  wait_left: fc.double({ noNaN: true, noDefaultInfinity: true })
})

/** What one cleaning leaves behind, or `undefined` when it had to wait. */
const cleanOnce = (content: string) => {
  const disk = memoryFiles({ [`${paths.state}/calendar.json`]: content })
  let cleaned = false
  const clean = Effect.sync(() => void (cleaned = true))
  const result = outcomeNow(whenDue(3600, clean).pipe(Effect.provide(disk.layer), Effect.provideService(Layout, paths)))
  Result.getOrThrow(result)
  const left = new TextDecoder().decode(disk.held.get(`${paths.state}/calendar.json`))
  return { cleaned, left: cleaned ? JSON.parse(left) : undefined }
}

const calendars = row({
  reads: "state/calendar.json",
  in: ["shipper/calendar.ts"],
  sound: fc.constant(asJson({ passed_at: Date.now(), cleaned_at: 0, wait_left: 0 })),
  near: jsonNear(calendar),
  read: cleanOnce,
  typed: ({ cleaned, left }, text) => {
    if (!cleaned) return
    expect(left.wait_left).toBe(0)
    // A clock that jumped, or a file that says nothing, never deletes.
    const { passed_at, wait_left } = JSON.parse(text.replace(/^\ufeff/, ""))
    expect(wait_left).toBeLessThanOrEqual(Math.max(0, Date.now() - passed_at))
    expect(Date.now() - passed_at).toBeLessThanOrEqual(86_400_000)
  },
  understood: ({ cleaned }) => expect(cleaned).toBe(true)
})

const packingNote = fc.record({ sha256, bytes: count, content_sha256: sha256, made_from: sha256 })

const packingNotes = row({
  reads: "notes about waiting tarballs",
  in: ["shipper/notes.ts"],
  sound: packingNote.map(asJson),
  near: jsonNear(packingNote),
  read: (text: string) => reads(paths.packingNote("e1"), readPackingNote("e1"))(text),
  typed: (note) => expect(note === undefined || Schema.is(PackingNote)(note)).toBe(true),
  understood: (note, text) => expect(note).toEqual(JSON.parse(text))
})

const tally = fc.record({ damaged: count, changed: count, changed_at: fc.nat(), stopped: count })

const tallies = row({
  reads: "tallies",
  in: ["shipper/notes.ts"],
  sound: tally.map(asJson),
  near: jsonNear(tally),
  read: (text: string) => reads(paths.tally("e1"), readTally("e1"))(text),
  typed: (found) => expect(Schema.is(Tally)(found)).toBe(true),
  understood: (found, text) => expect(found).toEqual(JSON.parse(text)),
  found: [asJson({ ...noTally, damaged: null })]
})

const stateNames = row({
  reads: "names in state/ and outbox/",
  in: ["shipper/pass.ts", "shipper/outbox.ts"],
  sound: episodeId.map((id) => `${id}.json`),
  near: textNear(episodeId.map((id) => `${id}.json`)),
  read: (name) => [tallyOwner(name)],
  typed: (owners, name) => {
    for (const owner of owners) expect(name.startsWith(owner)).toBe(true)
  },
  understood: ([owner], name) => expect(`${owner}.json`).toBe(name)
})

const suspects = row({
  reads: "state/suspects",
  in: ["shipper/damage.ts"],
  sound: fc.array(episodeId, { maxLength: 2 }).map((ids) => ids.map((id) => `${id}\n`).join("")),
  near: textNear(fc.array(episodeId).map((ids) => ids.join("\n"))),
  read: (text: string) => reads(`${paths.state}/suspects`, readSuspects)(text),
  typed: (ids) => expect(ids.every((id) => id !== "" && !id.includes("\n"))).toBe(true),
  understood: (ids, text) => expect(ids.map((id) => `${id}\n`).join("")).toBe(text)
})

const acknowledgements = row({
  reads: "acknowledgements",
  in: ["shipper/acknowledgement.ts"],
  sound: time,
  near: textNear(time),
  read: (text) => reads(`${paths.state}/acked/e1`, isAcknowledged("e1", "2026-01-01T00:00:00.000Z"))(text),
  // Only the very time of the entry stands for it.
  typed: (seen, text) => expect(seen).toBe(text.replace(/^\ufeff/, "") === "2026-01-01T00:00:00.000Z"),
  understood: (seen) => expect(seen).toBe(false),
  found: ["2026-01-01T00:00:00.000Z"]
})

const stampOf = (meta: Uint8Array) => reads(`${paths.episode("e1")}/meta.json`, readStamp(paths.episode("e1")))(meta)

/** What the receiver will say of the same bytes. */
const stampAtReceiver = (meta: Uint8Array) => {
  const check = makeArchiveCheck(LIMITS, hasher)
  check.push(tarOf(directory(EPISODE), marker, file(`${EPISODE}/meta.json`, meta)))
  const report = check.end()
  return "problem" in report ? undefined : report.metaCommit
}

const metas = row({
  reads: "meta.json, on the host and at the receiver",
  in: ["shipper/episodeCommit.ts", "receiver/archiveCheck.ts"],
  sound: fc.constant(new Uint8Array(Buffer.from(META))),
  near: fc.oneof(
    bytesNear(fc.constant(new Uint8Array(Buffer.from(META)))),
    jsonNear(fc.constant(JSON.parse(META))).map((text) => new Uint8Array(Buffer.from(text)))
  ),
  read: stampOf,
  typed: (stamp, bytes) => {
    if (stamp._tag === "Stamped") expect(isCommit(stamp.commit)).toBe(true)
    // What one takes for stamped and the other does not would be sent, refused and blamed on the episode.
    expect(stamp._tag === "Stamped" ? stamp.commit : undefined).toBe(stampAtReceiver(bytes))
  },
  understood: (stamp) => expect(stamp._tag).toBe("Stamped"),
  found: [`\ufeff${META}`, `${META.slice(0, -1)},"x":"\xff"}`].map(
    (text, i) => new Uint8Array(Buffer.from(text, i === 0 ? "utf8" : "latin1"))
  )
})

const HEX = "0123456789abcdef0123456789abcdef01234567"
const gitFiles = fc.record({
  ".git": fc.option(fc.constantFrom("gitdir: /data/repo/main/worktrees/x\n", "gitdir: main\n"), { nil: undefined }),
  ".git/HEAD": fc.constantFrom("ref: refs/heads/main\n", `${HEX}\n`),
  ".git/refs/heads/main": fc.constantFrom(`${HEX}\n`, undefined),
  ".git/packed-refs": fc.constantFrom(`# pack-refs with: peeled\n${HEX} refs/heads/main\n^${HEX}\n`, undefined),
  "main/HEAD": fc.constantFrom("ref: refs/heads/main\n"),
  "main/commondir": fc.constantFrom("../.git\n", "/data/repo/.git", undefined)
})
type GitFiles = Readonly<Record<string, string | undefined>>
const harmedGit = fc
  .tuple(
    gitFiles,
    fc.dictionary(
      fc.constantFrom(".git", ".git/HEAD", ".git/refs/heads/main", ".git/packed-refs", "main/commondir"),
      textNear(fc.constantFrom("ref: refs/heads/main\n", HEX, `${HEX} refs/heads/main\n`, "gitdir: ../x\n"))
    )
  )
  .map(([files, harm]): GitFiles => ({ ...files, ...harm }))

const checkouts = row<GitFiles, string | undefined>({
  reads: "a checkout's HEAD, refs and packed-refs",
  in: ["shipper/installedCode.ts"],
  sound: fc.constant<GitFiles>({
    ".git/HEAD": "ref: refs/heads/main\n",
    ".git/packed-refs": `${HEX} refs/heads/main\n`
  }),
  near: harmedGit,
  read: (files) => {
    const present = Object.entries(files).flatMap(([path, text]) =>
      text === undefined ? [] : [[`/data/repo/${path}`, text]]
    )
    return Result.getOrThrow(outcomeNow(onHost(Object.fromEntries(present), installedCommit("/data/repo"))))
  },
  typed: (found) => expect(found === undefined || isCommit(found)).toBe(true),
  understood: (found) => expect(found).toBe(HEX),
  found: [{ ".git": "gitdir: \0\0\0" }]
})

const tokenFiles = row({
  reads: "token files",
  in: ["token.ts"],
  sound: fc.constantFrom("a-Token.0", "a-Token.0\n", "a-Token.0\r\n\r\n"),
  near: textNear(fc.constantFrom("a-Token.0\n")),
  read: (text) => outcomeNow(onHost({ "/token": text }, readToken("/token"))),
  typed: (found, text) => {
    if (Result.isSuccess(found)) return expect(text).toMatch(/^\ufeff?[\x21-\x7e]+[\r\n]*$/)
    expect(found.failure.message).not.toContain("a-Token")
  },
  understood: (found) => expect(Result.isSuccess(found)).toBe(true)
})

export const hostFiles: ReadonlyArray<Decoder> = [
  reasons,
  conflictNotes,
  receipts,
  lastWords,
  calendars,
  packingNotes,
  tallies,
  stateNames,
  suspects,
  acknowledgements,
  metas,
  checkouts,
  tokenFiles
]
