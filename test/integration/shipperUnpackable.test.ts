import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { linkSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { startFakeReceiver } from "../support/fakeReceiver.ts"
import { type Box, COMMIT, counts, makeBox, RECORDED } from "../support/shipperBox.ts"

const hash = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex")
const manifest = (files: Readonly<Record<string, string | Uint8Array>>): string =>
  Object.entries(files)
    .map(([name, content]) => `${hash(content)}  ${name}\n`)
    .join("")

const raw = (box: Box, name: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${box.path("episodes/E1")}/`), name])
const marked = (box: Box, text: string): void => box.put("episodes/E1", { "done.marker": text })

const cases: ReadonlyArray<readonly [what: string, make: (box: Box) => unknown, says: RegExp]> = [
  ["a symlink to a file", (box) => symlinkSync("meta.json", box.path("episodes/E1/link")), /link/],
  ["a symlink that leads out", (box) => symlinkSync("/etc", box.path("episodes/E1/etc")), /etc/],
  ["a symlink that leads nowhere", (box) => symlinkSync("nowhere", box.path("episodes/E1/gone")), /gone/],
  ["a FIFO, which is not opened", (box) => execFileSync("mkfifo", [box.path("episodes/E1/pipe")]), /pipe/],
  ["a socket", (box) => bind(box.path("episodes/E1/s")), /"?s"?/],
  ["a name with a control character", (box) => box.put("episodes/E1", { "a\u0007b": "" }), /control/],
  ["a name with a newline", (box) => box.put("episodes/E1", { "a\nb": "" }), /control/],
  ["a name with DEL", (box) => box.put("episodes/E1", { "a\u007fb": "" }), /control/],
  ["a directory with a control character", (box) => mkdirSync(box.path("episodes/E1/a\tb")), /control/],
  ["a name that is not UTF-8", (box) => writeFileSync(raw(box, Uint8Array.of(0x61, 0xff)), ""), /UTF-8/],
  ["a directory that is not UTF-8", (box) => mkdirSync(raw(box, Uint8Array.of(0xc3, 0x28))), /UTF-8/],
  [
    "a path over 1,024 bytes",
    (box) => box.put("episodes/E1", { [`${"x".repeat(250)}/${"ü".repeat(125)}/${"z".repeat(250)}/${"w".repeat(250)}/${"v".repeat(20)}`]: "" }),
    /longer|long/
  ],
  ["meta.json a symlink", (box) => (renameSync(box.path("episodes/E1/meta.json"), box.path("episodes/E1/m")), symlinkSync("m", box.path("episodes/E1/meta.json"))), /meta\.json/],
  ["a marker that is no manifest", (box) => marked(box, "done\n"), /incomplete/],
  ["a marker of one newline", (box) => marked(box, "\n"), /incomplete/],
  ["a marker with another digest", (box) => marked(box, manifest({ ...RECORDED, "events.jsonl": "other" })), /incomplete.*events\.jsonl/],
  ["a marker that names a missing file", (box) => marked(box, manifest({ ...RECORDED, "absent.bin": "" })), /incomplete.*absent\.bin/],
  ["a marker that misses a file", (box) => (box.put("episodes/E1", { "extra.bin": "" }), marked(box, manifest(RECORDED))), /incomplete.*extra\.bin/],
  ["a marker cut short", (box) => marked(box, manifest(RECORDED).slice(0, -9)), /incomplete/],
  ["a marker that names a file twice", (box) => marked(box, manifest(RECORDED) + manifest(RECORDED)), /incomplete/]
]

const bind = (path: string) =>
  new Promise<void>((resolve) => {
    const server = createServer().listen({ path }, resolve)
    server.unref()
  })

describe("what cannot be packed is quarantined (`unpackable`, counted as `fatal`), never followed, never sent", () => {
  test.concurrent.each(cases)("%s", async (_, make, says) => {
    await using receiver = await startFakeReceiver()
    using box = makeBox(receiver.url)
    box.episode("E0")
    box.episode("E1")
    await make(box)
    box.episode("E2")
    const before = execFileSync("ls", ["-laR", "--time-style=full-iso", box.path("episodes/E1")]).length
    const ran = await box.once()
    expect([ran.counts, ran.code], ran.stderr).toEqual([counts({ scanned: 3, shipped: 2, fatal: 1 }), 1])
    expect(receiver.sent().toSorted()).toEqual(["E0", "E2"])
    expect([box.names("episodes"), box.names("outbox"), box.names("quarantine")]).toEqual([[], [], ["E1"]])
    const reason = box.json("quarantine/E1/quarantine_reason.json")
    expect(reason).toMatchObject({ reason: "unpackable", episode_id: "E1", status_code: 0, body: null })
    expect(reason.error).toMatch(says)
    expect(before).toBeGreaterThan(0)
  })
})

test("a top-level quarantine_reason.json that the marker names is not part of the manifest", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1", { "quarantine_reason.json": "{}", "done.marker": manifest(RECORDED) })
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
})

test("an episode without meta.json or with one that is a directory never ships as if it were sound", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.put("episodes/E1", { "done.marker": "" })
  box.put("episodes/E2", { "done.marker": "", "meta.json/x": "" })
  const ran = await box.once()
  expect(ran.code).toBeDefined()
  for (const { headers } of receiver.heard) expect(headers["x-cis490-code-commit"]).toBeUndefined()
  expect(COMMIT).toHaveLength(40)
})

test("a hard link is a file like any other", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1")
  linkSync(box.path("episodes/E1/meta.json"), join(box.path("episodes/E1"), "same"))
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
})
