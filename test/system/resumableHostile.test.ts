/** Uploads of clients that are broken or mean harm: nothing of it is kept, others are left alone, and what it cost comes back. */
import * as fs from "node:fs"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Bytes, holdings, untilLetGo, visit } from "../support/attack.ts"
import { completeOf, type DraftClient, draftClient, limitsOf } from "../support/draftClient.ts"
import { type Answer, ask, type Exchange, type Fields, textOf } from "../support/draftWire.ts"
import { makeRepository } from "../support/gitRepository.ts"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { makeSmallDisk } from "../support/smallDisk.ts"
import { jsonOf, type Shipment, shipment } from "../support/upload.ts"
import { until } from "../support/wire.ts"

const MIB = 1024 * 1024
const MAX = 16 * MIB
const OPEN = 250

const box = makeReceiverBox({ limits: { max_episode_bytes: MAX, max_uploads_per_host: OPEN, body_idle_timeout_s: 2 } })
let receiver: Awaited<ReturnType<typeof box.start>>
let client: DraftClient
beforeAll(async () => {
  receiver = await box.start()
  client = draftClient(() => receiver.port)
})
afterAll(async () => {
  await receiver.stop("SIGKILL")
  box[Symbol.dispose]()
})

let made = 0
const next = (bytes = 64): Shipment => shipment("evil", `E${made++}`, bytes)

const finish = async (wanted: Shipment, upload: string): Promise<void> => {
  const answer = await client.finish(upload, wanted.tarball, 4 * MIB)
  expect([answer.status, completeOf(answer)], textOf(answer)).toEqual([201, true])
  expect(Buffer.compare(fs.readFileSync(box.stored(wanted.hostId, wanted.episodeId)), wanted.tarball)).toBe(0)
}

describe("creation refuses from the headers", () => {
  const { fields, path, tarball } = next()
  const LENGTH = String(tarball.length)
  const complete = ["upload-complete", "?0"] as const
  const empty = ["content-length", "0"] as const
  const known = ["upload-length", LENGTH] as const
  const rows: ReadonlyArray<readonly [what: string, status: ReadonlyArray<number>, path: string, fields: Fields]> = [
    ["no digest", [400], path, [complete, known, empty]],
    ["a digest that is none", [400], path, [complete, known, empty, ["repr-digest", "sha-256=:abc:"]]],
    ["two digests", [400], path, [complete, known, empty, ...fields, ...fields]],
    ["a commit that is none", [400], path, [complete, known, empty, ...fields, ["x-cis490-code-commit", "HEAD"]]],
    ["a name that is none", [400], "/v1/episodes/evil/%2e%2e", [complete, known, empty, ...fields]],
    ["a host that is none", [400], "/v1/episodes/-evil/E", [complete, known, empty, ...fields]],
    ["no Upload-Complete", [400, 405], path, [known, empty, ...fields]],
    ["an Upload-Complete that is no Boolean", [400, 405], path, [["upload-complete", "0"], known, empty, ...fields]],
    ["a length over the limit", [413], path, [complete, ["upload-length", String(MAX + 1)], empty, ...fields]],
    [
      "a length that is no Integer of 15 digits",
      [400, 411, 413],
      path,
      [complete, ["upload-length", "9007199254740993"], empty, ...fields]
    ],
    ...["-1", "1.5", "?1", "1, 2", "1e3", '"5"', "+5", "0x10", ":NQ==:", "5 5"].map(
      (value) =>
        [
          `an Upload-Length of ${value}`,
          [400, 411],
          path,
          [complete, ["upload-length", value], empty, ...fields]
        ] as const
    ),
    ["no Upload-Length", [400, 411], path, [complete, empty, ...fields]],
    ["Upload-Length twice", [400, 411], path, [complete, known, known, empty, ...fields]],
    [
      "?1 with a length that is not the content's",
      [400],
      path,
      [["upload-complete", "?1"], known, ["content-length", "3"], ...fields]
    ]
  ]
  test.each(rows)("%s", async (_, statuses, path, fields) => {
    const before = box.incoming()
    const under = await visit(receiver.port, [
      `POST ${path} HTTP/1.1\r\nhost: r\r\nconnection: close\r\n${fields.map((field) => `${field.join(": ")}\r\n`).join("")}\r\n`
    ])
    expect(statuses, under.text).toContain(under.statuses.at(-1))
    expect(under.text).toMatch(/^content-type: application\/problem\+json\r$/im)
    expect(under.text).not.toMatch(/^location:/im)
    expect(box.incoming()).toEqual(before)
  })

  test("413 says the limit", async () => {
    const answer = await client.create(next(), MAX + 1)
    expect(answer.status).toBe(413)
    expect(limitsOf(answer)).toMatchObject({ "max-size": MAX })
  })
})

describe("an append that is none", () => {
  const right: Readonly<Record<string, string>> = {
    "content-type": "application/partial-upload",
    "upload-offset": "100",
    "upload-complete": "?0",
    "content-length": "3"
  }
  const over = (fields: Readonly<Record<string, string | undefined>>): string =>
    Object.entries({ ...right, ...fields })
      .flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\r\n`]))
      .join("")
  const rows: ReadonlyArray<readonly [what: string, statuses: ReadonlyArray<number>, fields: string]> = [
    ["no offset", [400], over({ "upload-offset": undefined })],
    ...["-100", "?1", "100.0", "100, 100", "1e2", '"100"', "0x64", "+100", "", "100 100", "::"].map(
      (value) => [`an offset of ${JSON.stringify(value)}`, [400], over({ "upload-offset": value })] as const
    ),
    ["an offset beyond 53 bits", [400, 409], over({ "upload-offset": "9007199254740993" })],
    ["an offset beyond 64 bits", [400, 409], over({ "upload-offset": "99999999999999999999" })],
    ["two offsets, the same", [400], `${over({})}upload-offset: 100\r\n`],
    ["two offsets, not the same", [400], `${over({})}upload-offset: 0\r\n`],
    ["no Upload-Complete", [400], over({ "upload-complete": undefined })],
    ...["1", "true", "?2", "?", "?1?1", "?0, ?1"].map(
      (value) => [`an Upload-Complete of ${value}`, [400], over({ "upload-complete": value })] as const
    ),
    ["two of Upload-Complete", [400], `${over({})}upload-complete: ?1\r\n`],
    ["a length beyond everything", [400, 413], over({ "content-length": "9007199254740993" })],
    ["a Content-Digest that is none", [400], over({ "content-digest": "sha-256=abc" })],
    ["an Upload-Length that is none", [204, 400], over({ "upload-length": "many" })]
  ]
  let wanted: Shipment
  let upload: string
  beforeAll(async () => {
    wanted = next(1000)
    upload = await client.created(wanted, wanted.tarball.length)
    expect((await client.append(upload, 0, wanted.tarball.subarray(0, 100))).status).toBe(204)
  })

  test.each(rows)("%s", async (_, statuses, fields) => {
    const { offset } = await client.state(upload)
    const bytes: ReadonlyArray<Bytes> = [
      `PATCH ${upload} HTTP/1.1\r\nhost: r\r\nconnection: close\r\n${fields}\r\n`,
      wanted.tarball.subarray(offset, offset + 3)
    ]
    const seen = await visit(receiver.port, bytes, { endsEarly: true })
    expect(statuses, seen.text).toContain(seen.statuses.at(-1))
    const after = await client.state(upload)
    expect(after.complete).toBe(false)
    expect(after.offset - offset).toBe(seen.statuses.at(-1) === 204 ? 3 : 0)
  })

  test("and the upload goes on", () => finish(wanted, upload))
})

test("URLs of uploads cannot be guessed", async () => {
  const uploads = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const wanted = next()
      return { wanted, upload: await client.created(wanted, wanted.tarball.length) }
    })
  )
  const names = uploads.map(({ upload }) => upload.split("/").at(-1) ?? "")
  expect(new Set(names).size).toBe(names.length)
  // 128 bits are 22 characters of base64, 26 of base32, 32 of hexadecimal.
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{22,64}$/)
  // Nothing is common to them but chance.
  for (let i = 0; i < 16; i++) expect(new Set(names.map((name) => name[i])).size).toBeGreaterThan(2)
  for (const { upload } of uploads) expect((await client.cancel(upload)).status).toBe(204)
})

test("URLs of uploads that are none", async () => {
  const wanted = next()
  const upload = await client.created(wanted, wanted.tarball.length)
  const parent = upload.slice(0, upload.lastIndexOf("/"))
  const name = upload.slice(parent.length + 1)
  const last = name.endsWith("A") ? "B" : "A"
  const others = [
    `${parent}/${name.slice(0, -1)}${last}`,
    `${parent}/${name}x`,
    `${parent}/${name.slice(0, -1)}`,
    `${parent}/${name}/`,
    `${parent}/`,
    parent,
    `${parent}/..`,
    `${parent}/%2e%2e`,
    `${parent}/%2e%2e%2fuploads%2f${name}`,
    `${parent}/${name}%00`,
    `${parent}/.lock`,
    `${parent}/__proto__`,
    `${parent}/${name}.json`,
    `${parent}/${"a".repeat(5000)}`,
    `${parent}/%`,
    `${parent}/*`
  ]
  for (const path of others) {
    for (const method of ["HEAD", "GET", "DELETE", "PATCH"]) {
      const fields: Fields =
        method === "PATCH"
          ? [
              ["content-type", "application/partial-upload"],
              ["upload-offset", "0"],
              ["upload-complete", "?0"],
              ["content-length", "0"]
            ]
          : []
      const answer = await ask(receiver.port, { method, path, fields })
      expect([400, 404, 405, 410], `${method} ${path.slice(0, 100)}`).toContain(answer.status)
    }
  }
  // Other methods than the draft's.
  for (const method of ["PUT", "POST"]) {
    const answer = await ask(receiver.port, { method, path: upload, fields: wanted.fields, body: wanted.tarball })
    expect([400, 404, 405]).toContain(answer.status)
  }
  await finish(wanted, upload)
})

describe("only who began it may go on", () => {
  const guarded = makeReceiverBox({ "auth.hosts": { evil: "token-of-evil", good: "token-of-good" } })
  let running: Awaited<ReturnType<typeof guarded.start>>
  const as = (token: string | undefined) =>
    draftClient(() => running.port, token === undefined ? [] : [["authorization", `Bearer ${token}`]])
  beforeAll(async () => {
    running = await guarded.start()
  })
  afterAll(async () => {
    await running.stop("SIGKILL")
    guarded[Symbol.dispose]()
  })

  test("another host, a wrong token and nobody are refused, and have changed nothing", async () => {
    const wanted = shipment("good", "E1", 1000)
    const good = as("token-of-good")
    expect((await as("token-of-evil").create(wanted, wanted.tarball.length)).status).toBe(403)
    expect((await as(undefined).create(wanted, wanted.tarball.length)).status).toBe(401)
    expect(guarded.store()).toEqual([])
    const upload = await good.created(wanted, wanted.tarball.length)
    await good.append(upload, 0, wanted.tarball.subarray(0, 500))
    const refusals: ReadonlyArray<readonly [string | undefined, ReadonlyArray<number>]> = [
      ["token-of-evil", [403, 404]],
      ["none-of-ours", [401]],
      [undefined, [401]]
    ]
    const under = good.patch(upload, 500, undefined, { announced: 100 })
    await under.write(wanted.tarball.subarray(500, 550))
    for (const [token, statuses] of refusals) {
      const other = as(token)
      const answers: ReadonlyArray<Answer> = [
        await other.look(upload),
        await other.look(upload, "GET"),
        await other.append(upload, 500, Buffer.from("evil")),
        await other.append(upload, 500, wanted.tarball.subarray(500), { complete: true }),
        await other.cancel(upload)
      ]
      for (const answer of answers) {
        expect(statuses).toContain(answer.status)
        expect(answer.field("upload-offset")).toBeUndefined()
        expect(answer.field("location")).toBeUndefined()
      }
    }
    // Nor has it ended what the host itself had under way.
    await under.write(wanted.tarball.subarray(550, 600))
    expect((await under.answer).status).toBe(204)
    expect((await good.finish(upload, wanted.tarball, MIB)).status).toBe(201)
  })

  test("whom a host's token lets in to its own uploads it does not let in to another's under its own name", async () => {
    const wanted = shipment("good", "E2", 1000)
    const upload = await as("token-of-good").created(wanted, wanted.tarball.length)
    const disguised = upload.replaceAll("good", "evil")
    for (const path of new Set([upload, disguised])) {
      expect([403, 404]).toContain((await as("token-of-evil").cancel(path)).status)
    }
    const answer = await as("token-of-good").finish(upload, wanted.tarball, MIB)
    expect([answer.status, completeOf(answer)]).toEqual([201, true])
  })
})

test("a host has its number of uploads, and others have theirs", async () => {
  using few = makeReceiverBox({ limits: { max_uploads_per_host: 3 } })
  await using running = await few.start()
  const client = draftClient(() => running.port)
  const of = (host: string, episode: string) => {
    const wanted = shipment(host, episode, 1000)
    return { ...wanted, create: () => client.create(wanted, wanted.tarball.length) }
  }
  const greedy = Array.from({ length: 3 }, (_, i) => of("greedy", `E${i}`))
  const uploads: Array<string> = []
  for (const wanted of greedy) uploads.push(await client.created(wanted, wanted.tarball.length))
  const refused = await of("greedy", "E3").create()
  expect(refused.status, textOf(refused)).toBe(429)
  expect(Number(refused.field("retry-after"))).toBeGreaterThan(0)
  expect(refused.field("location")).toBeUndefined()
  expect((await of("modest", "E1").create()).status).toBe(201)
  // What is over makes room: cancelled, or complete.
  await client.cancel(uploads.pop() ?? "")
  expect((await of("greedy", "E3").create()).status).toBe(201)
  expect((await of("greedy", "E4").create()).status).toBe(429)
  const [first] = greedy
  const done = await client.finish(uploads[0] ?? "", first?.tarball ?? new Uint8Array(), MIB)
  expect(done.status).toBe(201)
  expect((await of("greedy", "E4").create()).status).toBe(201)
  // Many at once get no more than one after the other.
  const crowd = await Promise.all(Array.from({ length: 20 }, (_, i) => of("crowd", `E${i}`).create()))
  expect(crowd.filter(({ status }) => status === 201)).toHaveLength(3)
  expect(crowd.filter(({ status }) => status === 429)).toHaveLength(17)
})

test("who holds places with uploads that stand still leaves others theirs", async () => {
  using few = makeReceiverBox({ limits: { max_concurrent_uploads: 4, body_idle_timeout_s: 2 } })
  await using running = await few.start()
  const client = draftClient(() => running.port)
  const held: Array<Exchange> = []
  for (let i = 0; i < 4; i++) {
    const wanted = shipment("greedy", `E${i}`, 1000)
    const upload = await client.created(wanted, wanted.tarball.length)
    const under = client.patch(upload, 0, undefined, { announced: wanted.tarball.length })
    await under.write(wanted.tarball.subarray(0, 10))
    held.push(under)
  }
  const wanted = shipment("modest", "E1", 1000)
  const upload = await client.created(wanted, wanted.tarball.length)
  expect((await client.finish(upload, wanted.tarball, 100)).status).toBe(201)
  for (const under of held) {
    const status = await under.answer.then((answer) => answer.status).catch(() => "cut")
    expect([408, 429, "cut"]).toContain(status)
  }
})

test("a disk without room: 507 at once, nothing is left, and it goes on when there is", async () => {
  await using disk = await makeSmallDisk(24 * MIB)
  using small = makeReceiverBox({ limits: { min_free_bytes: 4 * MIB } }, disk.path)
  await using running = await small.start()
  const client = draftClient(() => running.port)
  const wanted = shipment("lab-1", "E1", 6 * MIB)
  const upload = await client.created(wanted, wanted.tarball.length)
  expect((await client.append(upload, 0, wanted.tarball.subarray(0, MIB))).status).toBe(204)
  disk.fill(5 * MIB)
  const refused = await client.create(shipment("lab-1", "E2", 6 * MIB), 6 * MIB)
  expect(refused.status, textOf(refused)).toBe(507)
  expect(Number(refused.field("retry-after"))).toBeGreaterThan(0)
  // What is open gets no more than there is room for either.
  const full = await client.append(upload, MIB, wanted.tarball.subarray(MIB, 5 * MIB))
  expect(full.status, textOf(full)).toBe(507)
  const { offset } = await client.state(upload)
  expect(offset).toBeGreaterThanOrEqual(MIB)
  disk.free()
  const answer = await client.finish(upload, wanted.tarball, 2 * MIB)
  expect([answer.status, completeOf(answer)], textOf(answer)).toEqual([201, true])
  expect(Buffer.compare(fs.readFileSync(small.stored("lab-1", "E1")), wanted.tarball)).toBe(0)
  await until(() => small.incoming().join() === "uploads")
})

test("a disk that runs full in mid-append: no offset is told that is not there", async () => {
  await using disk = await makeSmallDisk(24 * MIB)
  using small = makeReceiverBox({ limits: { min_free_bytes: 0 } }, disk.path)
  await using running = await small.start()
  const client = draftClient(() => running.port)
  const wanted = shipment("lab-1", "E1", 6 * MIB)
  const upload = await client.created(wanted, wanted.tarball.length)
  const under = client.patch(upload, 0, undefined, { announced: wanted.tarball.length, complete: true })
  await under.write(wanted.tarball.subarray(0, MIB))
  disk.fill(MIB)
  await under.write(wanted.tarball.subarray(MIB))
  await client.heard(upload, under, 0).then(
    ({ status }) => expect([500, 503, 507]).toContain(status),
    () => undefined
  )
  await under.cut()
  expect((await client.state(upload)).complete).toBe(false)
  disk.free()
  const answer = await client.finish(upload, wanted.tarball, 2 * MIB)
  expect([answer.status, completeOf(answer)], textOf(answer)).toEqual([201, true])
  expect(Buffer.compare(fs.readFileSync(small.stored("lab-1", "E1")), wanted.tarball)).toBe(0)
})

test("the gate is asked again when an upload completes", async () => {
  const home = fs.mkdtempSync("/tmp/cis490-gate-")
  const code = makeRepository(home)
  code.add(3)
  const [commit = ""] = code.log()
  using gated = makeReceiverBox({ version_gate: { enabled: true, repo_path: home, window: 2, cache_ttl_s: 1 } })
  await using running = await gated.start()
  const client = draftClient(() => running.port)
  const wanted = shipment("lab-1", "E1", 1000, commit)
  const other = shipment("lab-1", "E2", 1000, commit)
  const old = shipment("lab-1", "E3", 1000, code.log()[2])
  expect((await client.create(old, old.tarball.length)).status).toBe(412)
  const upload = await client.created(wanted, wanted.tarball.length)
  const quick = await client.created(other, other.tarball.length)
  expect((await client.finish(quick, other.tarball, MIB)).status).toBe(201)
  expect((await client.append(upload, 0, wanted.tarball.subarray(0, 500))).status).toBe(204)
  code.add(5)
  // Until the receiver has seen the new commits a commit that was allowed is.
  const seen = async () => (await client.create(shipment("lab-1", "E4", 64, commit), 64)).status === 412
  while (!(await seen())) await new Promise((resolve) => setTimeout(resolve, 100))
  const answer = await client.append(upload, 500, wanted.tarball.subarray(500), { complete: true })
  expect([answer.status, completeOf(answer)], textOf(answer)).toEqual([412, true])
  expect(jsonOf(answer)).toMatchObject({ your_commit: commit, remediation: expect.any(String) })
  expect(gated.store()).toEqual(["lab-1/E2.tar.zst"])
  // What was stored while it was allowed is there, whatever the window says.
  expect((await client.create(other, other.tarball.length)).status).toBe(200)
  fs.rmSync(home, { recursive: true })
})

test("many open uploads cost neither memory nor descriptors", async () => {
  const piece = shipment("many", "E", 200_000)
  const before = holdings(receiver.ownPid)
  const uploads: Array<readonly [Shipment, string]> = []
  for (let i = 0; i < OPEN; i++) {
    const wanted = { ...piece, path: `/v1/episodes/many/E${i}` }
    const upload = await client.created(wanted, wanted.tarball.length)
    uploads.push([wanted, upload])
    const answer = await client.append(upload, 0, wanted.tarball.subarray(0, 180_000))
    expect(answer.status, textOf(answer)).toBe(204)
  }
  await untilLetGo(receiver.ownPid, before.descriptors + 4)
  expect(holdings(receiver.ownPid).resident - before.resident).toBeLessThan(64 * MIB)
  for (const [, upload] of uploads) expect((await client.cancel(upload)).status).toBe(204)
  await untilLetGo(receiver.ownPid, before.descriptors + 4)
})

test("memory does not grow with what is uploaded", async () => {
  const before = holdings(receiver.ownPid)
  const wanted = next(15 * MIB)
  for (let round = 0; round < 8; round++) {
    const upload = await client.created(wanted, wanted.tarball.length)
    expect((await client.append(upload, 0, wanted.tarball)).status).toBe(204)
    await client.cancel(upload)
  }
  expect(holdings(receiver.ownPid).resident - before.resident).toBeLessThan(96 * MIB)
})

test("nothing that came in stands raw in the log, and nobody was let down", () => {
  const log = receiver.stderr()
  // oxlint-disable-next-line no-control-regex
  expect(log.match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g)).toBeNull()
  for (const line of log.trimEnd().split("\n")) expect(line).toMatch(/^<[2-7]>\S/)
  expect(log).not.toMatch(/^<[0-3]>/m)
})
