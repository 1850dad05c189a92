import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { expect, test } from "vitest"
import { layerLookup } from "../../layers/Lookup.ts"
import { layerDataset } from "../../src/receiver/layerDataset.ts"
import { EPISODE, makeEpisode, PATH, putOf } from "../support/episode.ts"
import { startReceiver } from "../support/receiver.ts"
import { send, until } from "../support/wire.ts"

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
