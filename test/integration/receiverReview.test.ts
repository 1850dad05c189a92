/** Ways to trip the receiver that its other tests do not take. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { expect, test } from "vitest"
import { layerLookup } from "../../layers/Lookup.ts"
import { EpisodeId } from "../../src/domain/names.ts"
import { makeArchiveCheck } from "../../src/receiver/archiveCheck.ts"
import { layerDataset } from "../../src/receiver/layerDataset.ts"
import { sha256 } from "../support/codecSync.ts"
import { EPISODE, makeEpisode, PATH, putOf } from "../support/episode.ts"
import { startReceiver } from "../support/receiver.ts"
import { episode, file, forged, inPieces, put } from "../support/tarball.ts"
import { connect, send, until } from "../support/wire.ts"

const one = makeEpisode("one\n")
const HEALTH = { method: "GET", path: "/v1/health" }

const onDisk = (below: string, lookup = layerLookup(join(below, "index.jsonl"))) =>
  layerDataset({
    storeRoot: join(below, "store"),
    incomingRoot: join(below, "incoming"),
    indexPath: join(below, "index.jsonl"),
    maxMembers: 1000,
    maxUnpackedBytes: 1e9
  }).pipe(Layer.provide(lookup))

/** Descriptors of this process, which the receiver is in. */
const descriptors = (): number => readdirSync("/proc/self/fd").length

test.each([
  ["health", HEALTH.path],
  ["an upload's path", PATH]
])(
  "a client that asks for an upgrade and goes away leaves no socket behind (%s)",
  async (_, path) => {
    await using receiver = await startReceiver()
    const before = descriptors()
    const visit = async () => {
      const { closed, head, socket, text, write } = connect(receiver.port)
      const headers = { connection: "upgrade", upgrade: "h2c", "content-length": "1000000" }
      await head({ method: "PUT", path, headers })
      void write(new Uint8Array(900_000)).catch(() => undefined)
      await until(() => text().includes("\r\n\r\n"))
      socket.resetAndDestroy()
      await closed
    }
    for (let i = 0; i < 20; i++) await visit()
    for (let i = 0; i < 20; i++) await send(receiver.port, HEALTH)
    await until(() => descriptors() <= before + 5)
  },
  5000
)

test("a copy that is being healed is not said to be there before its name is durable", async () => {
  const root = mkdtempSync(join(tmpdir(), "cis490-receiver-"))
  const stored = join(root, "store/lab-1", `${EPISODE}.tar.zst`)
  const release = Deferred.makeUnsafe<void>()
  let healing = false
  const heldBack = (opened: FileSystem.File): FileSystem.File =>
    new Proxy(opened, {
      get: (target, key) => {
        if (key !== "sync") return Reflect.get(target, key, target)
        // Of the syncs that a healing makes, the one behind the link: the host's directory.
        return Effect.suspend(() =>
          healing && existsSync(stored) ? Effect.andThen(Deferred.await(release), target.sync) : target.sync
        )
      }
    })
  {
    await using receiver = await startReceiver({ root, dataset: (below) => onDisk(below), file: heldBack })
    expect((await send(receiver.port, putOf(one.tarball))).status).toBe(201)
    rmSync(stored)
    healing = true
    const healed = send(receiver.port, putOf(one.tarball))
    await until(() => existsSync(stored))
    const said: Array<number> = []
    const ask = async (request: Parameters<typeof send>[1]) =>
      void said.push((await send(receiver.port, request)).status)
    const asking = [ask({ method: "HEAD", path: PATH }), ask(putOf(one.tarball))]
    for (let i = 0; i < 30; i++) await send(receiver.port, HEALTH)
    const early = [...said]
    Deferred.doneUnsafe(release, Effect.void)
    await Promise.all([healed, ...asking])
    expect(early.filter((status) => status === 200)).toEqual([])
    expect(said).toEqual([200, 200])
  }
  rmSync(root, { recursive: true, force: true })
}, 5000)

// Python's tarfile takes such a header for the end of the archive, and says nothing: what comes behind is lost.
test.each([
  ["major", 329],
  ["minor", 337]
])("a file whose device %s is no number hides what comes behind it from other readers, and is refused", (_, offset) => {
  const odd = forged(file(`${EPISODE}/odd`, "x"), (header) => put(header, offset, "9999999\0"))
  const limits = { episodeId: EpisodeId.make(EPISODE), maxMembers: 100, maxUnpackedBytes: 1e6 }
  const check = makeArchiveCheck(limits, sha256)
  inPieces(episode(odd, file(`${EPISODE}/behind`, "x")), 512, check.push)
  expect(check.end()).toMatchObject({ problem: "invalid-archive" })
})
