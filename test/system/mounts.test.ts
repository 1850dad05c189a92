/** Data roots of which a part lies on another filesystem, with real mounts. */
import * as fs from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { startFakeReceiver } from "../support/fakeReceiver.ts"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { counts, makeBox } from "../support/shipperBox.ts"
import { needTools } from "../support/tools.ts"

needTools("unshare", "mount")

/** Started where something else is mounted at this path; nobody else sees the mount, and it goes with the program. */
const withMountAt = (path: string, script = 'mount -t tmpfs tmpfs "$0" && exec "$@"'): ReadonlyArray<string> => {
  const asRoot = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"]
  return ["unshare", ...asRoot, "--mount", "sh", "-c", script, path]
}

test.each([
  "episodes",
  "outbox",
  "shipped",
  "quarantine",
  "state",
  "state/drafts",
  "state/trash"
])("shipper: %s on another filesystem keeps it from starting, in words", async (name) => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  await box.once()
  box.episode("E1")
  const under = withMountAt(box.path(name))
  for (const command of ["once", "run"]) {
    const ran = await box.run([command], { under })
    expect([ran.code, ran.stderr]).toEqual([
      2,
      expect.stringMatching(/are not on one filesystem.*Mount \S+ as a whole/s)
    ])
  }
  expect(receiver.sent()).toEqual([])
  expect(box.names("episodes")).toEqual(["E1"])
})

test("shipper: a data root that is a filesystem of its own is as good as any", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  const ran = await box.run(["once"], { under: withMountAt(box.data) })
  expect([ran.code, ran.stderr]).toEqual([0, ""])
})

test("shipper: an episode that is a mount of its own is shipped and stays, transient, in nobody's way", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  await box.once()
  box.episode("E1")
  box.episode("E2")
  const copy =
    'cp -a "$0" "$0.copy" && mount -t tmpfs tmpfs "$0" && cp -a "$0.copy/." "$0" && rm -r "$0.copy" && exec "$@"'
  const pass = await box.once({ under: withMountAt(box.path("episodes/E1"), copy) })
  expect(pass.counts, pass.stderr).toEqual(counts({ scanned: 2, shipped: 1, transient_failures: 1 }))
  expect(pass.stderr).toMatch(/EXDEV|EBUSY/)
  expect(box.names("episodes")).toEqual(["E1"])
  expect(box.exists("shipped/E2")).toBe(true)
})

test("receiver: incoming/ on another filesystem than the store keeps it from starting, in words", async () => {
  using receiver = makeReceiverBox()
  fs.mkdirSync(receiver.paths.incoming_root)
  const ran = await receiver.launch(["run"], { under: withMountAt(receiver.paths.incoming_root) }).ended
  expect([ran.code, ran.stderr]).toEqual([2, expect.stringMatching(/must be one filesystem with hard links/)])
})

test("receiver: a host's directory on another filesystem than the store: nothing is lost, and the shipper waits", async () => {
  using receiver = makeReceiverBox()
  const directory = join(receiver.paths.store_root, "lab-1")
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
  await using running = await receiver.start({ under: withMountAt(directory) })
  using box = makeBox(running.url)
  box.episode("E1")
  const pass = await box.once()
  expect(pass.counts, pass.stderr).toEqual(counts({ scanned: 1, transient_failures: 1 }))
  expect(box.names("episodes")).toEqual(["E1"])
  expect(receiver.rows()).toEqual([])
})
