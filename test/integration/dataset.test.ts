import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { Sha256 } from "../../src/domain/names.ts"
import type { Problem } from "../../src/domain/protocol.ts"
import { type Arrival, Dataset } from "../../src/receiver/Dataset.ts"
import { Fatal } from "../../src/receiver/Fatal.ts"
import { type Ground, makeGround, makeTarball, nameOf, rowFor } from "../support/dataset.ts"
import { errno } from "../support/faultyFiles.ts"
import { scratchDirectory } from "../support/scratch.ts"

const name = nameOf("e1")
const ours = makeTarball("e1", "ours\n")
/** The same content, compressed otherwise. */
const again = makeTarball("e1", "ours\n", 4)
const other = makeTarball("e1", "other\n")

const inScratch = <A, E>(test: (ground: Ground) => Effect.Effect<A, E>) =>
  Effect.scoped(Effect.flatMap(scratchDirectory, (root) => test(makeGround(root))))

const commit = (arrival: Arrival) => Effect.scoped(Effect.flatMap(Dataset, (dataset) => dataset.commit(arrival)))
const refused = (arrival: Arrival): Effect.Effect<Problem, unknown, Dataset> => Effect.flip(commit(arrival))
/** What an arrival comes to, in a word. */
const said = (ground: Ground, tarball: typeof ours) =>
  Effect.suspend(() => commit(ground.arrival(name, tarball))).pipe(
    Effect.match({ onSuccess: ({ status }): string => status, onFailure: ({ problem }) => problem })
  )
const standing = (episodeId = "e1") =>
  Effect.flatMap(Dataset, (dataset) => dataset.standing(name.hostId, nameOf(episodeId).episodeId))
const trouble = Effect.flatMap(Dataset, (dataset) => dataset.trouble)
const line = (row: object) => `${JSON.stringify(row)}\n`

/** The store holds this tarball and nothing else, the index its row and nothing else, `incoming/` nothing. */
const holdsOnly = (ground: Ground, tarball: typeof ours) => {
  assert.deepStrictEqual(new Uint8Array(readFileSync(ground.storedPath(name))), new Uint8Array(tarball.tarball))
  assert.deepStrictEqual(
    ground.rows().map(({ sha256 }) => sha256 as string),
    [tarball.sha256]
  )
  assert.deepStrictEqual(readdirSync(ground.options.incomingRoot), [])
}

it("these tarballs are what the tests take them for", () => {
  assert.strictEqual(ours.contentSha256, again.contentSha256)
  assert.notStrictEqual(ours.sha256, again.sha256)
  assert.notStrictEqual(ours.bytes, again.bytes)
  assert.notStrictEqual(ours.contentSha256, other.contentSha256)
})

describe("an episode that is new", () => {
  it.effect("is stored, indexed, answered, and gone from incoming/", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        const answer = yield* ground.life(
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* standing(), { _tag: "Absent" })
            const answer = yield* commit(ground.arrival(name, ours))
            assert.strictEqual((yield* standing())._tag, "Present")
            return answer
          })
        )
        assert.deepStrictEqual(answer as unknown, {
          status: "stored",
          host_id: "lab-1",
          episode_id: "e1",
          sha256: ours.sha256,
          bytes: ours.bytes,
          content_sha256: ours.contentSha256
        })
        holdsOnly(ground, ours)
        assert.strictEqual(statSync(ground.storedPath(name)).mode & 0o777, 0o600)
        assert.strictEqual(statSync(`${ground.options.storeRoot}/lab-1`).mode & 0o777, 0o700)
        assert.strictEqual((yield* ground.life(standing()))._tag, "Present")
      })
    )
  )

  it.effect("is linked, its directories are synced, its row is synced, and only then its incoming name goes", () =>
    inScratch((ground) =>
      ground.life(
        Effect.gen(function* () {
          const { control } = ground.files
          const arrival = ground.arrival(name, ours)
          const from = control.calls.length
          yield* commit(arrival)
          const { storeRoot, indexPath } = ground.options
          assert.deepStrictEqual(
            control.calls.slice(from).filter((call) => !call.startsWith("read ")),
            [
              `sync ${storeRoot}`,
              `link ${ground.storedPath(name)}`,
              `sync ${storeRoot}/lab-1`,
              `writeAll ${indexPath}`,
              `sync ${indexPath}`,
              `remove ${arrival.path}`
            ]
          )
        })
      )
    )
  )
})

describe("an episode that is there", () => {
  it.effect("is there already, whatever it is compressed with", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        yield* ground.life(
          Effect.gen(function* () {
            yield* commit(ground.arrival(name, ours))
            for (const tarball of [ours, again]) {
              const answer = yield* commit(ground.arrival(name, tarball))
              assert.strictEqual(answer.status, "already_present")
              assert.strictEqual(answer.sha256, ours.sha256)
            }
          })
        )
        holdsOnly(ground, ours)
      })
    )
  )

  it.effect("is not replaced by other content", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        yield* ground.life(
          Effect.gen(function* () {
            yield* commit(ground.arrival(name, ours))
            const problem = yield* refused(ground.arrival(name, other))
            assert.strictEqual(problem.problem, "other-content")
            assert.strictEqual(problem.members?.["stored_sha256"], ours.sha256)
            assert.strictEqual(problem.members?.["your_sha256"], other.sha256)
            assert.include(problem.remediation, "cis490-shipper resolve")
          })
        )
        holdsOnly(ground, ours)
      })
    )
  )

  it.effect("and has an older row without a content digest is completed", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        const { content_sha256: _, commit: __, schema_version: ___, ...older } = rowFor(name, ours)
        ground.putStored(name, ours.tarball)
        ground.putIndex(line(older))
        yield* ground.life(
          Effect.gen(function* () {
            const found = yield* standing()
            assert.isTrue(found._tag === "Present" && found.row.content_sha256 === ours.contentSha256)
            assert.strictEqual((yield* commit(ground.arrival(name, again))).status, "already_present")
          })
        )
        assert.isTrue(ground.index().startsWith(line(older)))
        assert.deepStrictEqual(ground.rows().slice(1), [rowFor(name, ours)])
      })
    )
  )
})

describe("an older row of a tarball that nobody would take today", () => {
  const { content_sha256: _, commit: __, schema_version: ___, ...older } = rowFor(name, ours)
  const refusedToday = { ...older, sha256: Sha256.make(createHash("sha256").update("of old").digest("hex")), bytes: 6 }

  it.effect("is held, its content unknown, and its file read once", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        ground.putStored(name, "of old")
        ground.putIndex(line(refusedToday))
        yield* ground.life(
          Effect.gen(function* () {
            for (const _ of ["once", "and again"]) {
              assert.deepStrictEqual(yield* standing(), { _tag: "Present", row: refusedToday })
            }
            // To its end: two reads.
            assert.strictEqual(ground.files.count("read", ground.storedPath(name)), 2)
            assert.strictEqual((yield* refused(ground.arrival(name, ours))).problem, "other-content")
          })
        )
        assert.strictEqual(readFileSync(ground.storedPath(name), "utf8"), "of old")
        assert.strictEqual(ground.index(), line(refusedToday))
      })
    )
  )

  it.effect("is lost when its file is another one of the same size, and read again once it changed", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        ground.putStored(name, "rotten")
        ground.putIndex(line(refusedToday))
        yield* ground.life(
          Effect.gen(function* () {
            for (const _ of ["once", "and again"]) assert.strictEqual((yield* standing())._tag, "Lost")
            assert.strictEqual(ground.files.count("read", ground.storedPath(name)), 2)
            ground.putStored(name, "of old")
            utimesSync(ground.storedPath(name), 1, 1)
            assert.strictEqual((yield* standing())._tag, "Present")
          })
        )
      })
    )
  )
})

describe("two of one name at once", () => {
  for (const [title, second, outcome] of [
    ["the same content: stored once, then there already", again, "already_present"],
    ["other content: stored once, then refused", other, "other-content"]
  ] as const) {
    it.effect(title, () =>
      inScratch((ground) =>
        Effect.gen(function* () {
          const both = yield* ground.life(
            Effect.forEach([ours, second], (tarball) => said(ground, tarball), { concurrency: "unbounded" })
          )
          assert.deepStrictEqual(both, ["stored", outcome])
          holdsOnly(ground, ours)
        })
      )
    )
  }

  it.effect("the second is not answered before the first is durable", () =>
    inScratch((ground) =>
      ground.life(
        Effect.gen(function* () {
          const { control } = ground.files
          const from = control.calls.length
          const said: Array<string> = []
          const say = (tarball: typeof ours) =>
            Effect.map(commit(ground.arrival(name, tarball)), ({ status }) => {
              const synced = control.calls.slice(from).includes(`sync ${ground.options.indexPath}`)
              said.push(`${status} ${synced ? "after" : "before"}`)
            })
          yield* Effect.all([say(ours), say(again)], { concurrency: "unbounded" })
          assert.deepStrictEqual(said, ["stored after", "already_present after"])
        })
      )
    )
  )
})

describe("many at once", () => {
  it.effect("share their syncs", () =>
    inScratch((ground) =>
      ground.life(
        Effect.gen(function* () {
          const arrivals = Array.from({ length: 50 }, (_, i) =>
            ground.arrival(nameOf(`e${i}`), makeTarball(`e${i}`, "one\n"))
          )
          const before = ground.files.count("sync", "")
          const answers = yield* Effect.forEach(arrivals, commit, { concurrency: "unbounded" })
          assert.isTrue(answers.every(({ status }) => status === "stored"))
          assert.isBelow(ground.files.count("sync", "") - before, 50)
          assert.strictEqual(ground.rows().length, 50)
        })
      )
    )
  )
})

describe("a stored file without a row", () => {
  for (const [title, arriving, outcome] of [
    ["gets its row from an arrival of its content", again, "already_present"],
    ["gets its row from an arrival of other content, which is refused", other, "other-content"]
  ] as const) {
    it.effect(title, () =>
      inScratch((ground) =>
        Effect.gen(function* () {
          ground.putStored(name, ours.tarball)
          assert.strictEqual(yield* ground.life(said(ground, arriving)), outcome)
          holdsOnly(ground, ours)
          assert.strictEqual(ground.rows()[0]?.commit, rowFor(name, ours).commit)
        })
      )
    )
  }

  it.effect("that is not sound is not overwritten, and the operator is told", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        ground.putStored(name, "rubbish")
        yield* ground.life(
          Effect.gen(function* () {
            const problem = yield* refused(ground.arrival(name, ours))
            assert.strictEqual(problem.problem, "stored-copy-lost")
            assert.include(problem.remediation, "verify --set-aside")
          })
        )
        assert.strictEqual(readFileSync(ground.storedPath(name), "utf8"), "rubbish")
        assert.strictEqual(ground.index(), "")
        assert.deepStrictEqual(readdirSync(ground.options.incomingRoot), [])
      })
    )
  )
})

describe("what the gate did not let in", () => {
  const old = (ground: Ground, tarball: typeof ours): Arrival => ({ ...ground.arrival(name, tarball), isNew: false })

  it.effect("is not stored in the place of a file that is gone by the time it is here", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        ground.putStored(name, ours.tarball)
        yield* ground.life(
          Effect.gen(function* () {
            assert.strictEqual((yield* standing())._tag, "Unindexed")
            rmSync(ground.storedPath(name))
            assert.strictEqual((yield* refused(old(ground, ours))).problem, "unavailable")
          })
        )
        assert.isFalse(existsSync(ground.storedPath(name)))
        assert.strictEqual(ground.index(), "")
      })
    )
  )

  it.effect("does not make a withdrawn name stand again, though its file is still there", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        ground.putStored(name, ours.tarball)
        ground.putIndex(line(rowFor(name, ours)) + line(rowFor(name, ours, { status: "withdrawn" })))
        yield* ground.life(
          Effect.gen(function* () {
            assert.strictEqual((yield* standing())._tag, "Withdrawn")
          })
        )
      })
    )
  )

  it.effect("brings back what was withdrawn, and nothing else", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        ground.putIndex(line(rowFor(name, ours)) + line(rowFor(name, ours, { status: "withdrawn" })))
        yield* ground.life(
          Effect.gen(function* () {
            assert.strictEqual((yield* standing())._tag, "Withdrawn")
            assert.strictEqual((yield* refused(old(ground, other))).problem, "unavailable")
            assert.strictEqual((yield* commit(old(ground, again))).status, "stored")
            assert.strictEqual((yield* standing())._tag, "Present")
          })
        )
        assert.strictEqual(ground.rows()[2]?.sha256, again.sha256)
      })
    )
  )
})

describe("a lost copy", () => {
  const lose = {
    gone: (ground: Ground) => rmSync(ground.storedPath(name)),
    short: (ground: Ground) => truncateSync(ground.storedPath(name), 5),
    "a link": (ground: Ground) => {
      rmSync(ground.storedPath(name))
      symlinkSync("/etc/hostname", ground.storedPath(name))
    }
  }
  const aside = (ground: Ground) => `${ground.options.storeRoot}/../damaged/lab-1/e1.tar.zst`

  for (const [how, losing] of Object.entries(lose)) {
    it.effect(`(${how}) is healed by its own content and by no other`, () =>
      inScratch((ground) =>
        Effect.gen(function* () {
          yield* ground.life(
            Effect.gen(function* () {
              yield* commit(ground.arrival(name, ours))
              losing(ground)
              assert.strictEqual((yield* standing())._tag, "Lost")
              const problem = yield* refused(ground.arrival(name, other))
              assert.strictEqual(problem.problem, "stored-copy-lost")
              assert.strictEqual(problem.members?.["stored_sha256"], ours.sha256)
              const answer = yield* commit(ground.arrival(name, ours))
              assert.strictEqual(answer.status, "stored")
              assert.strictEqual((yield* standing())._tag, "Present")
            })
          )
          holdsOnly(ground, ours)
          assert.strictEqual(existsSync(aside(ground)), how !== "gone")
        })
      )
    )
  }

  it.effect("that comes back in another compression gets a fresh row", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        yield* ground.life(
          Effect.gen(function* () {
            yield* commit(ground.arrival(name, ours))
            rmSync(ground.storedPath(name))
            const answer = yield* commit(ground.arrival(name, again))
            assert.strictEqual(answer.sha256, again.sha256)
            assert.strictEqual(answer.status, "stored")
          })
        )
        assert.deepStrictEqual(
          ground.rows().map(({ sha256 }) => sha256 as string),
          [ours.sha256, again.sha256]
        )
        assert.strictEqual((yield* ground.life(standing()))._tag, "Present")
      })
    )
  )

  it.effect("whose row names no content is healed by the very tarball only", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        const { content_sha256: _, ...older } = rowFor(name, ours)
        ground.putIndex(line(older))
        yield* ground.life(
          Effect.gen(function* () {
            assert.strictEqual((yield* refused(ground.arrival(name, again))).problem, "stored-copy-lost")
            assert.strictEqual((yield* commit(ground.arrival(name, ours))).status, "stored")
          })
        )
        assert.deepStrictEqual(ground.rows()[1]?.content_sha256, rowFor(name, ours).content_sha256)
      })
    )
  )
})

describe("a disk that does not do what it should", () => {
  it.effect("is said, and the upload stored by its next arrival", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        yield* ground.life(
          Effect.gen(function* () {
            const { control } = ground.files
            control.fault = (operation, path) => (operation === "writeAll" ? errno("ENOSPC", path) : undefined)
            assert.strictEqual((yield* refused(ground.arrival(name, ours))).problem, "disk-full")
            control.fault = (operation, path) => (operation === "writeAll" ? errno("EIO", path) : undefined)
            assert.strictEqual((yield* refused(ground.arrival(name, ours))).problem, "unavailable")
            assert.strictEqual(ground.index(), "")
            control.fault = () => undefined
            assert.isUndefined(yield* trouble)
            assert.strictEqual((yield* commit(ground.arrival(name, ours))).status, "already_present")
          })
        )
        yield* ground.life(standing())
        holdsOnly(ground, ours)
      })
    )
  )

  it.effect("while the index cannot be cut back is in trouble", () =>
    inScratch((ground) =>
      ground.life(
        Effect.gen(function* () {
          const { control } = ground.files
          control.fault = (operation, path) =>
            operation === "writeAll" || operation === "truncate" ? errno("EIO", path) : undefined
          assert.strictEqual((yield* refused(ground.arrival(name, ours))).problem, "unavailable")
          assert.include(yield* trouble, "EIO")
          control.fault = () => undefined
          assert.isUndefined(yield* trouble)
        })
      )
    )
  )

  for (const [what, within] of [
    ["the host's directory", "store/lab-1"],
    ["the store", "store"],
    ["the index", "index.jsonl"]
  ] as const) {
    it.effect(`ends the program when the sync of ${what} fails`, () =>
      inScratch((ground) =>
        ground.life(
          Effect.gen(function* () {
            const fatal = yield* Fatal
            const program = yield* Effect.forkChild(fatal.awaited)
            const { control } = ground.files
            control.fault = (operation, path) =>
              operation === "sync" && path.endsWith(within) ? errno("EIO", path) : undefined
            const exit = yield* Effect.exit(commit(ground.arrival(name, ours)))
            assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
            const end = yield* Fiber.await(program)
            assert.isTrue(Exit.isFailure(end) && Cause.hasDies(end.cause))
            control.fault = () => undefined
            const later = yield* Effect.exit(commit(ground.arrival(name, ours)))
            assert.isTrue(Exit.isFailure(later) && Cause.hasDies(later.cause), "a sync is never retried into a success")
          })
        )
      )
    )
  }

  it.effect("follows no link in the place of a host's directory", () =>
    inScratch((ground) =>
      Effect.gen(function* () {
        yield* ground.life(
          Effect.gen(function* () {
            symlinkSync(ground.options.incomingRoot, `${ground.options.storeRoot}/lab-1`)
            assert.strictEqual((yield* refused(ground.arrival(name, ours))).problem, "unavailable")
          })
        )
        assert.deepStrictEqual(readdirSync(ground.options.incomingRoot), [])
        assert.strictEqual(ground.index(), "")
      })
    )
  )
})
