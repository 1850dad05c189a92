/** Disks that are really full and files that really cannot be read: trouble that passes, after which everything goes on. */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { beforeAll, expect, test } from "vitest"
import { EPISODE, makeEpisode, PATH, putOf } from "../support/episode.ts"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { counts, makeBox, untilRunning } from "../support/shipperBox.ts"
import { makeSmallDisk } from "../support/smallDisk.ts"
import { file, META, episode as tarOfEpisode, zstd } from "../support/tarball.ts"
import { bash, needTools } from "../support/tools.ts"
import { connect, expectProblem, jsonOf, send, sha256Of, until } from "../support/wire.ts"

const MIB = 1024 * 1024

beforeAll(() => needTools("unshare", "setpriv", "mount"))

const BIG = randomBytes(6 * MIB)

/** A lab host whose data root lies on the small disk. */
const boxOn = (disk: { readonly path: string }, url: string) => {
  const box = makeBox(url, { paths: { data_root: join(disk.path, "data") } })
  const episode = (id: string, files: Readonly<Record<string, Uint8Array>>): string => {
    const directory = join(disk.path, "data/episodes", id)
    fs.mkdirSync(directory, { recursive: true })
    const all = { "meta.json": META, "events.jsonl": "{}\n", "done.marker": "", ...files }
    for (const [name, content] of Object.entries(all)) fs.writeFileSync(join(directory, name), content)
    return directory
  }
  return { ...box, episode, below: (name: string) => fs.readdirSync(join(disk.path, "data", name)).toSorted() }
}

const fillWithNames = (directory: string): void => {
  try {
    for (let at = 0; ; at++) fs.writeFileSync(join(directory, `filler-${at}`), "")
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error
  }
}

test.each([
  0,
  MIB
])("shipper: %d bytes free are too few to pack: it waits, and ships once there is space", async (left) => {
  await using disk = await makeSmallDisk(24 * MIB)
  using receiver = makeReceiverBox()
  await using running = await receiver.start()
  using box = boxOn(disk, running.url)
  // The first pass makes its own directories.
  expect((await box.once()).counts).toEqual(counts({}))
  const directory = box.episode("E1", { "random.bin": BIG })
  disk.fill(left)

  const full = await box.once()
  expect(full.counts, full.stderr).toEqual(counts({ scanned: 1, transient_failures: 1 }))
  expect(full.code).toBe(1)
  expect(full.stderr).toMatch(/cannot be packed now: .*(ENOSPC|no space)/)
  expect(box.below("outbox")).toEqual([])
  expect(box.below("quarantine")).toEqual([])
  expect(fs.readFileSync(join(directory, "random.bin")).equals(BIG)).toBe(true)

  disk.free()
  const free = await box.once()
  expect(free.counts, free.stderr).toEqual(counts({ scanned: 1, shipped: 1 }))
  expect(receiver.rows()).toHaveLength(1)
})

test("shipper: a tarball that would fill the disk to the last byte is given up before, and keeps no neighbour", async () => {
  await using disk = await makeSmallDisk(128 * MIB)
  using receiver = makeReceiverBox()
  await using running = await receiver.start()
  using box = boxOn(disk, running.url)
  box.episode("E1", { "random.bin": randomBytes(56 * MIB) })
  box.episode("E2", {})
  disk.fill(48 * MIB)
  const tight = await box.once()
  expect(tight.counts, tight.stderr).toEqual(counts({ scanned: 2, shipped: 1, transient_failures: 1 }))
  expect(tight.stderr).toMatch(/cannot be packed now: disk nearly full: .* episode=E1/)
  expect([box.below("episodes"), box.below("outbox")]).toEqual([["E1"], []])
  disk.free()
  const free = await box.once()
  expect(free.counts, free.stderr).toEqual(counts({ scanned: 1, shipped: 1 }))
})

test("shipper: the daemon outlives a full disk", async () => {
  await using disk = await makeSmallDisk(24 * MIB)
  using receiver = makeReceiverBox()
  await using running = await receiver.start()
  using box = boxOn(disk, running.url)
  await box.once()
  box.episode("E1", { "random.bin": BIG })
  disk.fill()
  await using daemon = box.daemon()
  await untilRunning(daemon, () => daemon.stderr().includes("cannot be packed now"))
  disk.free()
  await untilRunning(daemon, () => receiver.rows().length === 1)
  await untilRunning(daemon, () => box.below("episodes").length === 0)
  expect((await daemon.stop("SIGTERM")).code).toBe(0)
})

test.each(["byte", "file"])("shipper: starts on a disk that takes no %s more, and makes room", async (what) => {
  await using disk = await makeSmallDisk(24 * MIB, 100)
  using receiver = makeReceiverBox()
  await using running = await receiver.start()
  using box = boxOn(disk, running.url)
  box.episode("E1", { "random.bin": BIG })
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
  expect(box.below("shipped")).toEqual(["E1", "E1.receipt.json"])
  box.configure({
    paths: { data_root: join(disk.path, "data"), min_free_bytes: 23 * MIB },
    retention: { keep_local_for_days: 7 }
  })
  // As one that started on a full disk leaves it: nothing is given back when it is written anew.
  fs.truncateSync(join(disk.path, "data/state/lock"), 0)
  if (what === "byte") disk.fill()
  else fillWithNames(disk.path)

  const full = await box.once()
  expect([full.code, box.below("shipped")], full.stderr).toEqual([0, []])
})

const nothingLeft = (receiver: ReturnType<typeof makeReceiverBox>) =>
  expect([...receiver.incoming(), ...receiver.store(), ...receiver.rows()]).toEqual([])

const small = makeEpisode()

test("receiver: below the floor nothing is taken in, until there is space", async () => {
  await using disk = await makeSmallDisk(24 * MIB)
  using receiver = makeReceiverBox({ limits: { min_free_bytes: 12 * MIB } }, disk.path)
  await using running = await receiver.start()
  disk.fill(8 * MIB)
  const full = await send(running.port, putOf(small.tarball))
  expectProblem(full, 507, "disk-full")
  expect(Number(full.headers["retry-after"])).toBeGreaterThan(0)
  nothingLeft(receiver)
  disk.free()
  expect((await send(running.port, putOf(small.tarball))).status).toBe(201)
})

test("receiver: below the floor it says so before the body, and a shipper waits, quarantines nothing, and ships later", async () => {
  await using disk = await makeSmallDisk(24 * MIB)
  using receiver = makeReceiverBox({ limits: { min_free_bytes: 12 * MIB } }, disk.path)
  await using running = await receiver.start()
  using box = makeBox(running.url)
  box.episode("E1", { "random.bin": BIG })
  box.episode("E2")
  disk.fill(8 * MIB)
  const connection = connect(running.port)
  await connection.head({ ...putOf(small.tarball), path: "/v1/episodes/lab-2/E1" })
  await until(() => connection.text().includes("\r\n\r\n"))
  expect(connection.text()).toMatch(/^HTTP\/1\.1 507 /)
  connection.socket.destroy()

  const full = await box.once()
  // The first answer stops the pass: the other episode is not asked about.
  expect(full.counts, full.stderr).toMatchObject({ shipped: 0, fatal: 0, conflicts: 0 })
  expect(full.stderr).toMatch(/nothing is being shipped: .*min_free_bytes.* status=507/)
  expect(box.names("episodes")).toEqual(["E1", "E2"])
  nothingLeft(receiver)

  disk.free()
  const free = await box.once()
  expect(free.counts, free.stderr).toEqual(counts({ scanned: 2, shipped: 2 }))
})

test("receiver: a disk that fills up in mid-body leaves nothing of the body, and takes it in later", async () => {
  await using disk = await makeSmallDisk(24 * MIB)
  using receiver = makeReceiverBox({}, disk.path)
  await using running = await receiver.start()
  const tarball = zstd(tarOfEpisode(file(`${EPISODE}/random.bin`, BIG)))
  const request = putOf(tarball)
  const connection = connect(running.port)
  await connection.head(request)
  await connection.write(tarball.subarray(0, 3 * MIB))
  const arrived = () => receiver.incoming().map((name) => fs.statSync(join(receiver.paths.incoming_root, name)).size)
  await until(() => arrived().some((size) => size >= 2 * MIB))
  disk.fill()
  await connection.write(tarball.subarray(3 * MIB))
  await until(() => connection.text().includes("\r\n\r\n"))
  expect(connection.text()).toMatch(/^HTTP\/1\.1 507 /)
  expect(connection.text()).toMatch(/retry-after: [1-9]/i)
  connection.socket.destroy()
  nothingLeft(receiver)

  disk.free()
  const again = await send(running.port, request)
  expect([again.status, jsonOf(again)]).toMatchObject([201, { status: "stored", sha256: sha256Of(tarball) }])
})

test("receiver: an index that cannot be appended to is no answer of success; the upload counts once there is space", async () => {
  await using disk = await makeSmallDisk(4 * MIB)
  using receiver = makeReceiverBox({ paths: { index_path: join(disk.path, "index.jsonl") } })
  await using running = await receiver.start()
  disk.fill()
  const full = await send(running.port, putOf(small.tarball))
  expect([503, 507]).toContain(full.status)
  expect(receiver.rows()).toEqual([])
  const asked = await send(running.port, { method: "HEAD", path: PATH })
  expect(asked.status).toBe(404)

  disk.free()
  const again = await send(running.port, putOf(small.tarball))
  expect([200, 201], again.text).toContain(again.status)
  expect(receiver.rows()).toMatchObject([{ episode_id: EPISODE, sha256: small.sha256 }])
  const verified = await receiver.run(["verify"])
  expect(verified.code, verified.stdout + verified.stderr).toBe(0)
})

/** Root reads everything unless it gives that up. */
const WITHOUT_PRIVILEGE =
  process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"] : []

test.each([
  ["a file", "telemetry-proc.jsonl"],
  ["a directory", "sub"]
])("shipper: %s that cannot be read is the host's trouble, named in the log, and in nobody's way", async (_, name) => {
  using receiver = makeReceiverBox()
  await using running = await receiver.start()
  using box = makeBox(running.url)
  box.episode("E1", { "sub/data.bin": "x" })
  box.episode("E2")
  const path = box.path("episodes/E1", name)
  const { mode } = fs.statSync(path)
  fs.chmodSync(path, 0o000)
  if (WITHOUT_PRIVILEGE.length > 0) {
    const read = await bash(box.home, '"${@:2}" ls -R "$1" && "${@:2}" cat "$1"', path, ...WITHOUT_PRIVILEGE)
    expect(read.code).not.toBe(0)
  }

  const closed = await box.once({ under: WITHOUT_PRIVILEGE })
  expect(closed.counts, closed.stderr).toEqual(counts({ scanned: 2, shipped: 1, transient_failures: 1 }))
  expect(closed.stderr).toContain(path)
  expect(closed.stderr).toMatch(/EACCES|permission/i)
  expect([...box.names("episodes"), ...box.names("quarantine"), ...box.names("outbox")]).toEqual(["E1"])

  fs.chmodSync(path, mode & 0o777)
  const opened = await box.once({ under: WITHOUT_PRIVILEGE })
  expect(opened.counts, opened.stderr).toEqual(counts({ scanned: 1, shipped: 1 }))
})
