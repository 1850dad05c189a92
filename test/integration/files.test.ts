/** Everything that the programs make is for their user alone, whatever the umask, and nothing is written or read through a link. */
import * as fs from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { refuses, startFakeReceiver } from "../support/fakeReceiver.ts"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { type Box, counts, makeBox, untilRunning } from "../support/shipperBox.ts"

const open = { prelude: "umask 0" }

/** What is below `root` and may be read or written by others than its owner; the recorder's own is left out. */
const exposed = (root: string, below = ""): ReadonlyArray<string> =>
  fs.readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below === "" ? entry.name : `${below}/${entry.name}`
    if (/^(episodes|shipped|quarantine)\/[^/]+\/(?!quarantine_reason)/.test(path)) return []
    const { mode } = fs.lstatSync(join(root, path))
    const recorders = /^(episodes|shipped|quarantine)\/[^/.]+$/.test(path)
    const own = !recorders && (mode & 0o077) !== 0 ? [`${(mode & 0o777).toString(8)} ${path}`] : []
    return [...own, ...(entry.isDirectory() ? exposed(root, path) : [])]
  })

/** One episode for each way that a pass can go. */
const play = ({ id }: { readonly id: string }) => {
  if (id === "CONFLICT") return refuses(409, "other content", { stored_sha256: "a".repeat(64) })
  if (id === "REFUSED") return refuses(422, "invalid archive: no")
  return id === "LATER" ? refuses(503, "not now", { type: "urn:cis490:problem:commit-unknown" }) : ("good" as const)
}

test("shipper: every file of ours is 0600, every directory 0700", async () => {
  await using receiver = await startFakeReceiver(play)
  using box = makeBox(receiver.url)
  // It makes its directories itself.
  fs.rmSync(box.data, { recursive: true })
  expect((await box.once(open)).code).toBe(0)
  for (const id of ["GOOD", "CONFLICT", "REFUSED", "LATER"]) box.episode(id)
  const pass = await box.once(open)
  expect(pass.counts, pass.stderr).toEqual(
    counts({ scanned: 4, shipped: 1, conflicts: 1, fatal: 1, transient_failures: 1 })
  )
  await box.run(["ping"], open)
  await box.run(["quarantine", "ack", "REFUSED"], open)
  expect(box.tree("").filter((path) => !/^(episodes|shipped|quarantine)\//.test(path))).toEqual(
    expect.arrayContaining([
      "outbox/CONFLICT.conflict.json",
      "outbox/LATER.tar.zst",
      "state/instance_id",
      "state/last.json"
    ])
  )
  expect(box.exists("shipped/GOOD.receipt.json")).toBe(true)
  expect(box.exists("quarantine/REFUSED/quarantine_reason.json")).toBe(true)
  expect(exposed(box.data)).toEqual([])
})

test("receiver: store, incoming, index, lookup and what it remembers of hosts are for its user alone", async () => {
  using receiver = makeReceiverBox()
  await using running = await receiver.start({ prelude: "umask 0" })
  using box = makeBox(running.url)
  box.episode("E1")
  await box.once()
  await box.run(["ping"])
  expect(receiver.store()).toEqual(["lab-1/E1.tar.zst"])
  const home = fs.readdirSync(receiver.home)
  expect(home).toEqual(expect.arrayContaining(["store", "incoming", "index.jsonl"]))
  expect(exposed(receiver.home).filter((line) => !line.endsWith(" receiver.toml"))).toEqual([])
})

/** Somebody else's file and directory, outside. */
const outside = (box: Box) => {
  const victim = join(box.home, "victim")
  fs.mkdirSync(join(victim, "episode"), { recursive: true })
  fs.writeFileSync(join(victim, "file"), "precious")
  for (const name of ["meta.json", "events.jsonl", "done.marker"]) fs.writeFileSync(join(victim, "episode", name), "{}")
  const untouched = () => {
    expect(fs.readFileSync(join(victim, "file"), "utf8")).toBe("precious")
    expect(fs.readdirSync(join(victim, "episode")).toSorted()).toEqual(["done.marker", "events.jsonl", "meta.json"])
    expect(fs.readdirSync(victim).toSorted()).toEqual(["episode", "file"])
  }
  return { file: join(victim, "file"), directory: join(victim, "episode"), untouched }
}

describe("shipper: links in the data root are not followed", () => {
  test.each([
    ["outbox/E1.tar.zst", "file"],
    ["outbox/E1.tar.zst.partial", "file"],
    ["shipped/E1", "directory"],
    ["shipped/E1.receipt.json", "file"],
    ["state/last.json", "file"],
    ["state/last.json.tmp", "file"],
    ["state/calendar.json", "file"],
    ["state/calendar.json.tmp", "file"],
    ["state/instance_id", "file"],
    ["state/case-probe", "file"],
    ["state/suspects", "file"],
    ["state/packed/E1", "file"],
    ["state/tally/E1.json~", "file"],
    ["state/drafts/E1.receipt", "file"]
  ] as const)("%s, a link to a %s: the episode is shipped, and what it points to stays as it is", async (path, kind) => {
    await using receiver = await startFakeReceiver()
    using box = makeBox(receiver.url)
    await box.once()
    const victim = outside(box)
    fs.rmSync(box.path(path), { force: true })
    fs.symlinkSync(victim[kind], box.path(path))
    box.episode("E1")
    const pass = await box.once()
    await box.run(["ping"])
    expect(pass.counts, pass.stderr).toEqual(counts({ scanned: 1, shipped: 1 }))
    victim.untouched()
  })

  test.each([
    ["quarantine/REFUSED", "directory"],
    ["state/drafts/REFUSED.reason", "file"],
    ["episodes/REFUSED/quarantine_reason.json", "file"]
  ] as const)("%s, a link to a %s: the refused episode is quarantined beside it", async (path, kind) => {
    await using receiver = await startFakeReceiver(play)
    using box = makeBox(receiver.url)
    await box.once()
    const victim = outside(box)
    box.episode("REFUSED")
    fs.symlinkSync(victim[kind], box.path(path))
    const pass = await box.once()
    expect(pass.counts, pass.stderr).toEqual(counts({ scanned: 1, fatal: 1 }))
    expect(box.tree("quarantine").filter((name) => name.endsWith("/quarantine_reason.json"))).toHaveLength(1)
    victim.untouched()
  })

  test("a link for an episode is a stray name, and nobody looks behind it", async () => {
    await using receiver = await startFakeReceiver()
    using box = makeBox(receiver.url)
    const victim = outside(box)
    fs.symlinkSync(victim.directory, box.path("episodes/LINK"))
    expect((await box.once()).counts).toEqual(counts({}))
    expect(JSON.parse((await box.run(["status", "--json"])).stdout).stray_names).toBe(1)
    expect(receiver.sent()).toEqual([])
    victim.untouched()
  })

  test("old links in shipped/ and quarantine/ are not pruned or cleaned through", async () => {
    await using receiver = await startFakeReceiver()
    using box = makeBox(receiver.url, { retention: { keep_local_for_days: 1, quarantine_keep_days: 1 } })
    await box.once()
    const victim = outside(box)
    for (const place of ["shipped", "quarantine"]) {
      fs.symlinkSync(victim.directory, box.path(place, "OLD"))
      fs.lutimesSync(box.path(place, "OLD"), 1, 1)
    }
    const pass = await box.once({ ahead: 0 })
    expect(pass.code, pass.stderr).toBe(0)
    victim.untouched()
  })

  test.each([
    "episodes",
    "outbox",
    "shipped",
    "quarantine",
    "state",
    "state/drafts",
    "state/trash"
  ])("a link instead of %s keeps it from starting, in words", async (name) => {
    using box = makeBox("http://127.0.0.1:9")
    await box.run(["once"])
    const elsewhere = join(box.home, "elsewhere")
    fs.renameSync(box.path(name), elsewhere)
    fs.symlinkSync(elsewhere, box.path(name))
    const ran = await box.run(["once"])
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining(`${box.path(name)} is not a directory`)])
  })

  test("a link instead of the lock is no lock", async () => {
    using box = makeBox("http://127.0.0.1:9")
    await box.run(["once"])
    const victim = outside(box)
    fs.rmSync(box.path("state/lock"))
    fs.symlinkSync(victim.file, box.path("state/lock"))
    expect((await box.run(["once"])).code).toBe(2)
    victim.untouched()
  })
})

describe("receiver: links are not followed", () => {
  const uploaded = async (
    plant: (paths: ReturnType<typeof makeReceiverBox>["paths"], victim: ReturnType<typeof outside>) => void
  ) => {
    using receiver = makeReceiverBox()
    using box = makeBox("http://127.0.0.1:9")
    for (const path of [receiver.paths.store_root, receiver.paths.incoming_root]) fs.mkdirSync(path, { mode: 0o700 })
    const victim = outside(box)
    plant(receiver.paths, victim)
    await using running = await receiver.start()
    box.configure({ receiver: { url: running.url } })
    box.episode("E1")
    const pass = await box.once()
    await untilRunning(running, () => receiver.incoming().every((name) => !name.startsWith("lab-1~E1~")))
    victim.untouched()
    return { pass, rows: receiver.rows(), stderr: running.stderr() }
  }

  test("a link for a host's directory in the store: nothing is stored behind it, and the episode waits", async () => {
    const { pass, rows, stderr } = await uploaded(({ store_root }, { directory }) =>
      fs.symlinkSync(directory, join(store_root, "lab-1"))
    )
    expect(pass.counts, pass.stderr).toEqual(counts({ scanned: 1, transient_failures: 1 }))
    expect(rows).toEqual([])
    expect(stderr).toContain("follows no links")
  })

  test("a link for the stored file: it is not overwritten, and not taken for the episode", async () => {
    const { pass, rows } = await uploaded(({ store_root }, { file }) => {
      fs.mkdirSync(join(store_root, "lab-1"))
      fs.symlinkSync(file, join(store_root, "lab-1/E1.tar.zst"))
    })
    expect(pass.counts).toMatchObject({ shipped: 0, fatal: 0 })
    expect(rows).toEqual([])
  })

  test("links in incoming/ are left alone", async () => {
    const { pass } = await uploaded(({ incoming_root }, { directory, file }) => {
      fs.symlinkSync(file, join(incoming_root, "lab-1~E0~abc.part"))
      fs.symlinkSync(directory, join(incoming_root, "elsewhere"))
    })
    expect(pass.counts, pass.stderr).toEqual(counts({ scanned: 1, shipped: 1 }))
  })

  test.each(["index.jsonl", "store/.lock"])("a link for %s keeps it from starting", async (name) => {
    using receiver = makeReceiverBox()
    using box = makeBox("http://127.0.0.1:9")
    const victim = outside(box)
    fs.mkdirSync(receiver.paths.store_root)
    fs.symlinkSync(victim.file, join(receiver.home, name))
    const ran = await receiver.run(["run"])
    expect(ran.code).not.toBe(0)
    expect(ran.stderr).toContain(name)
    victim.untouched()
  })
})
