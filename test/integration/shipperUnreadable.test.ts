/** Waiting tarballs that the disk does not give back: the host's trouble, mended by packing anew. */
import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { expect, test } from "vitest"
import { startFakeUploads } from "../support/fakeUploads.ts"
import { type Box, counts, makeBox } from "../support/shipperBox.ts"

/** Gives the box to an ordinary user, to whom permissions mean something. */
const asUser = (box: Box) => {
  if (process.getuid?.() !== 0) return {}
  execFileSync("chown", ["-R", "1000:1000", box.home])
  return { under: ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"] }
}

const MIB = 1024 * 1024

test.each([
  ["from memory", 500_000, {}],
  ["as it is read", 2_000_000, {}],
  ["in appends", 2_000_000, { resume_above_bytes: MIB }],
  ["over a limited line", 500_000, { rate_limit: 100_000_000 }]
])("a tarball that cannot be read holds up nobody and is packed anew: %s", async (_, bytes, shipper) => {
  let busy = true
  await using receiver = await startFakeUploads(() => (busy ? { status: 503 } : "good"))
  using box = makeBox(receiver.url, { shipper: { concurrency: 1, ...shipper } })
  box.episode("E1", { "telemetry-net.pcap": randomBytes(bytes) })
  const user = asUser(box)
  expect((await box.once(user)).counts).toEqual(counts({ scanned: 1, transient_failures: 1 }))
  expect(box.names("outbox")).toEqual(["E1.tar.zst"])
  fs.chmodSync(box.path("outbox/E1.tar.zst"), 0o000)
  busy = false
  box.episode("E2")
  asUser(box)
  const ran = await box.once(user)
  expect(ran.stderr).toMatch(/<4>cannot be sent now: outbox\/E1.tar.zst: EACCES.* episode=E1/)
  expect(ran.counts).toEqual(counts({ scanned: 2, shipped: 1, transient_failures: 1 }))
  expect(box.names("outbox").filter((name) => name.endsWith(".zst"))).toEqual([])
  expect((await box.once(user)).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
})

test("what else cannot be read costs no tarball", async () => {
  let busy = true
  await using receiver = await startFakeUploads(({ method }) => (busy && method === "PATCH" ? { status: 503 } : "good"))
  using box = makeBox(receiver.url, { shipper: { resume_above_bytes: MIB } })
  box.episode("E1", { "telemetry-net.pcap": randomBytes(2_000_000) })
  const user = asUser(box)
  await box.once(user)
  fs.chmodSync(box.path("outbox/E1.upload.json"), 0o000)
  busy = false
  const { stderr } = await box.once(user)
  expect(stderr).toContain("EACCES: permission denied, open")
  expect(box.names("outbox")).toEqual(["E1.tar.zst", "E1.upload.json"])
})
