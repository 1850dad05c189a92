import { createHash } from "node:crypto"
import { chmodSync, mkdirSync, renameSync, utimesSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { startFakeReceiver } from "../support/fakeReceiver.ts"
import { type Box, counts, makeBox, type Options, RECORDED } from "../support/shipperBox.ts"
import { frameContentSize, manifestDigest, unpack } from "../support/unpack.ts"

const deep = `${"d".repeat(120)}/${"e".repeat(120)}`
const odd = {
  [`${deep}/${"f".repeat(150)}`]: "long",
  "über/Größe-日本.json": "unicode",
  𝒳: "astral",
  "\ue000": "private use",
  "empty.log": "",
  "a.b/x": "1",
  "a/x": "2",
  "a-b/x": "3",
  "sub/quarantine_reason.json": "packed",
  "quarantine_reason.json": "left out",
  "tool.sh": "#!/bin/sh\n",
  "big.bin": Buffer.alloc(3_000_000, "0123456789")
}

const record = (box: Box, files: ReadonlyArray<[string, string | Uint8Array]>): void => {
  box.put("episodes/E1", { ...RECORDED, "done.marker": "" })
  for (const [name, content] of files) box.put("episodes/E1", { [name]: content })
  mkdirSync(box.path("episodes/E1/hollow/inner"), { recursive: true })
  chmodSync(box.path("episodes/E1/tool.sh"), 0o4711)
  chmodSync(box.path("episodes/E1/events.jsonl"), 0o600)
  chmodSync(box.path("episodes/E1/sub"), 0o700)
  box.stamp("episodes/E1")
}

const pack = async (files: ReadonlyArray<[string, string | Uint8Array]>, options?: Options) => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  record(box, files)
  const ran = await box.once(options)
  expect(ran.counts, ran.stderr).toEqual(counts({ scanned: 1, shipped: 1 }))
  return receiver.last("PUT")
}

test("reproducible: the same bytes whatever the data root, umask, order of creation", async () => {
  const files = Object.entries(odd)
  const one = await pack(files)
  const two = await pack(files.toReversed(), { prelude: "umask 077", env: { TZ: "Asia/Tokyo", LANG: "tr_TR.UTF-8" } })
  expect(two.body.equals(one.body)).toBe(true)
})

test("decodable by others: entries sorted, owner 0, modes normalised, mtimes whole seconds, in frames that say their size", async () => {
  const { body, headers } = await pack(Object.entries(odd))
  const members = await unpack(body)
  const { "quarantine_reason.json": _, ...packed } = odd
  const files: Record<string, string | Uint8Array> = { ...RECORDED, "done.marker": "", ...packed }
  const names = members.map(({ header }) => header.name.replace(/\/$/, ""))
  const directories = ["", "a", "a-b", "a.b", deep.split("/")[0], deep, "hollow", "hollow/inner", "sub", "über"]
  const expected = [...Object.keys(files), ...directories].map((path) => (path === "" ? "E1" : `E1/${path}`))
  const sorted = expected.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  expect(names.toSorted()).toEqual(expected.toSorted())
  expect(names).toEqual(sorted)
  for (const { content, header } of members) {
    const path = header.name.replace(/\/$/, "").slice("E1/".length)
    const file = files[path]
    const mode = header.type === "directory" || path === "tool.sh" ? 0o755 : 0o644
    expect([header.type, header.mode, header.mtime.getTime()], header.name).toEqual([
      file === undefined ? "directory" : "file",
      mode,
      1_700_000_000_000
    ])
    expect([header.uid, header.gid, header.uname, header.gname]).toEqual([0, 0, "", ""])
    if (file !== undefined) expect(content.equals(Buffer.from(file)), header.name).toBe(true)
  }
  expect(headers["x-cis490-content-sha256"]).toBe(manifestDigest(files))
  expect(frameContentSize(body)).toBe(1024n * 1024n)
})

test("mtimes are rounded down, before 1970 too, and a later one is as on disk", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1", { old: "x", older: "x", future: "x" })
  const at = (name: string, seconds: number) =>
    utimesSync(box.path("episodes/E1", name), new Date(seconds * 1000), new Date(seconds * 1000))
  at("old", -1.5)
  at("older", 0.9)
  at("future", 2 ** 33 + 0.5)
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
  const members = await unpack(receiver.last("PUT").body)
  const mtimeOf = (name: string): number => {
    const header = members.find((member) => member.header.name === `E1/${name}`)?.header
    const said = header?.pax instanceof Object && "mtime" in header.pax ? Number(header.pax.mtime) : undefined
    return said ?? Number(header?.mtime) / 1000
  }
  expect(["old", "older", "future"].map(mtimeOf)).toEqual([-2, 0, 2 ** 33])
})

test("a manifest in done.marker that fits is accepted, in text or binary mode", async () => {
  const hash = (content: string | Uint8Array) => createHash("sha256").update(content).digest("hex")
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  const files = { ...RECORDED, "sub/ü": "x" }
  const lines = (mark: string) =>
    Object.entries(files)
      .map(([name, content]) => `${hash(content)} ${mark}${name}\n`)
      .join("")
  box.episode("E1", { ...files, "done.marker": lines(" ") })
  box.episode("E2", { ...files, "done.marker": lines("*") })
  box.episode("E3", { ...files, "done.marker": lines(" "), "quarantine_reason.json": "{}" })
  expect((await box.once()).counts).toEqual(counts({ scanned: 3, shipped: 3 }))
})

test("the same episode under another name of its own makes its own top directory", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1")
  renameSync(box.path("episodes/E1"), box.path(join("episodes", "E2")))
  await box.once()
  const members = await unpack(receiver.last("PUT").body)
  expect(members.every(({ header }) => header.name === "E2/" || header.name.startsWith("E2/"))).toBe(true)
})
