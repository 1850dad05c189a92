import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { beforeAll, describe, expect, test } from "vitest"
import { startFakeReceiver } from "../support/fakeReceiver.ts"
import { type Box, COMMIT, counts, makeBox, RECORDED } from "../support/shipperBox.ts"

const hash = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex")
const manifest = (files: Readonly<Record<string, string | Uint8Array>>): string =>
  Object.entries(files)
    .map(([name, content]) => `${hash(content)}  ${name}\n`)
    .join("")

const raw = (box: Box, below: string, name: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${box.path(below)}/`), name])
const marked = (box: Box, below: string, text: string): void => box.put(below, { "done.marker": text })

const cases: ReadonlyArray<readonly [what: string, make: (box: Box, below: string) => unknown, says: RegExp]> = [
  ["a symlink to a file", (box, at) => symlinkSync("meta.json", box.path(at, "link")), /link/],
  ["a symlink that leads out", (box, at) => symlinkSync("/etc", box.path(at, "etc")), /etc/],
  ["a symlink that leads nowhere", (box, at) => symlinkSync("nowhere", box.path(at, "gone")), /gone/],
  ["a FIFO, which is not opened", (box, at) => execFileSync("mkfifo", [box.path(at, "pipe")]), /pipe/],
  ["a socket", (box, at) => bind(box.path(at, "s")), /"?s"?/],
  ["a name with a control character", (box, at) => box.put(at, { "a\u0007b": "" }), /control/],
  ["a name with a newline", (box, at) => box.put(at, { "a\nb": "" }), /control/],
  ["a name with DEL", (box, at) => box.put(at, { "a\u007fb": "" }), /control/],
  ["a directory with a control character", (box, at) => mkdirSync(box.path(at, "a\tb")), /control/],
  ["a name that is not UTF-8", (box, at) => writeFileSync(raw(box, at, Uint8Array.of(0x61, 0xff)), ""), /UTF-8/],
  ["a directory that is not UTF-8", (box, at) => mkdirSync(raw(box, at, Uint8Array.of(0xc3, 0x28))), /UTF-8/],
  [
    "a path over 1,024 bytes",
    (box, at) =>
      box.put(at, {
        [`${"x".repeat(250)}/${"ü".repeat(125)}/${"z".repeat(250)}/${"w".repeat(250)}/${"v".repeat(20)}`]: ""
      }),
    /longer|long/
  ],
  [
    "meta.json a symlink",
    (box, at) => (
      renameSync(box.path(at, "meta.json"), box.path(at, "m")), symlinkSync("m", box.path(at, "meta.json"))
    ),
    /meta\.json/
  ],
  [
    "a marker that is a symlink",
    (box, at) => (
      renameSync(box.path(at, "done.marker"), box.path(at, "m")), symlinkSync("m", box.path(at, "done.marker"))
    ),
    /done\.marker.*SymbolicLink/
  ],
  [
    "a marker that is a symlink to nothing",
    (box, at) => (rmSync(box.path(at, "done.marker")), symlinkSync("nowhere", box.path(at, "done.marker"))),
    /done\.marker.*SymbolicLink/
  ],
  ["a marker that is no manifest", (box, at) => marked(box, at, "done\n"), /incomplete/],
  ["a marker of one newline", (box, at) => marked(box, at, "\n"), /incomplete/],
  [
    "a marker with another digest",
    (box, at) => marked(box, at, manifest({ ...RECORDED, "events.jsonl": "other" })),
    /incomplete.*events\.jsonl/
  ],
  [
    "a marker that names a missing file",
    (box, at) => marked(box, at, manifest({ ...RECORDED, "absent.bin": "" })),
    /incomplete.*absent\.bin/
  ],
  [
    "a marker that misses a file",
    (box, at) => (box.put(at, { "extra.bin": "" }), marked(box, at, manifest(RECORDED))),
    /incomplete.*extra\.bin/
  ],
  ["a marker cut short", (box, at) => marked(box, at, manifest(RECORDED).slice(0, -9)), /incomplete/],
  [
    "a marker that names a file twice",
    (box, at) => marked(box, at, manifest(RECORDED) + manifest(RECORDED)),
    /incomplete/
  ]
]

const bind = (path: string) =>
  new Promise<void>((resolve) => {
    const server = createServer().listen({ path }, resolve)
    server.unref()
  })

const outcomes = async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("A-neighbour")
  for (const [at, [, make]] of cases.entries()) {
    box.episode(`E${at}`)
    await make(box, `episodes/E${at}`)
  }
  box.episode("Z-neighbour")
  const ran = await box.once()
  const reasons = cases.map((_, at) => box.json("quarantine", `E${at}`, "quarantine_reason.json"))
  return { ran, reasons, sent: receiver.sent().toSorted(), left: [box.names("episodes"), box.names("outbox")] }
}

describe("what cannot be packed is quarantined (`unpackable`), never followed, never sent", () => {
  let seen: Awaited<ReturnType<typeof outcomes>>
  beforeAll(async () => {
    seen = await outcomes()
  })

  test("it is counted as fatal and holds up no neighbour", () => {
    const { left, ran, sent } = seen
    expect([ran.counts, ran.code], ran.stderr).toEqual([
      counts({ scanned: cases.length + 2, shipped: 2, fatal: cases.length }),
      1
    ])
    expect([sent, left]).toEqual([
      ["A-neighbour", "Z-neighbour"],
      [[], []]
    ])
  })

  test.each(cases.map(([what, , says], at) => [what, says, at] as const))("%s", (_, says, at) => {
    const reason = seen.reasons[at]
    expect(reason).toMatchObject({ reason: "unpackable", episode_id: `E${at}`, status_code: 0, body: null })
    expect(reason?.error).toMatch(says)
  })
})

test("a top-level quarantine_reason.json that the marker names is not part of the manifest", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1", { "quarantine_reason.json": "{}", "done.marker": manifest(RECORDED) })
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
})

test("an episode without meta.json, or with one that is a directory, names no commit and holds up no neighbour", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.put("episodes/E1", { "done.marker": "" })
  box.put("episodes/E2", { "done.marker": "", "meta.json/x": "" })
  box.episode("E3")
  await box.once()
  const commits = new Map(receiver.heard.map(({ headers, id }) => [id, headers["x-cis490-code-commit"]]))
  expect([commits.get("E1"), commits.get("E2"), commits.get("E3")]).toEqual([undefined, undefined, COMMIT])
  expect(box.exists("shipped/E3")).toBe(true)
})

test("a hard link is a file like any other", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1")
  linkSync(box.path("episodes/E1/meta.json"), join(box.path("episodes/E1"), "same"))
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
})
