import { readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { readHosts } from "../../src/receiver/hosts.ts"
import { COMMIT } from "../support/episode.ts"
import { HEAD_COMMIT, makeGate, OLD_COMMIT, type Receiver, STRANGE_COMMIT, startReceiver } from "../support/receiver.ts"
import { expectProblem, jsonOf, send } from "../support/wire.ts"

const ping = (receiver: Receiver, body: unknown) => {
  const text = typeof body === "string" ? body : JSON.stringify(body)
  return send(receiver.port, {
    method: "POST",
    path: "/v1/ping",
    body: text,
    headers: { "content-length": Buffer.byteLength(text) }
  })
}

const remembered = (receiver: Receiver) => receiver.run(readHosts(receiver.hosts))

test("a ping hears what its next episodes have to expect", async () => {
  await using receiver = await startReceiver({ gate: makeGate().layer, limits: { maxEpisodeBytes: 12345 } })
  const always = {
    ok: true,
    host_id: "lab-1",
    schema_version: 1,
    server_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    max_episode_bytes: 12345,
    head_commit: HEAD_COMMIT
  }
  const answers = [
    [{}, always],
    [{ commit: null }, always],
    [{ commit: COMMIT }, { ...always, commit_allowed: true }],
    [{ commit: OLD_COMMIT }, { ...always, commit_allowed: false }],
    [{ commit: STRANGE_COMMIT }, always]
  ] as const
  for (const [said, answered] of answers) {
    const answer = await ping(receiver, { host_id: "lab-1", ...said })
    expect(answer.status).toBe(200)
    expect(jsonOf(answer)).toEqual(answered)
  }
  expect(receiver.dataset.rows.size).toBe(0)
})

test("with the gate off every commit is allowed, and there is no newest one", async () => {
  await using receiver = await startReceiver()
  const answer = await ping(receiver, { host_id: "lab-1", commit: OLD_COMMIT })
  expect(jsonOf(answer)).toMatchObject({ head_commit: null, commit_allowed: true })
})

test("what is no ping is refused and not remembered", async () => {
  await using receiver = await startReceiver()
  const bodies = [
    "",
    "{",
    "[]",
    "null",
    '"lab-1"',
    {},
    { host_id: 1 },
    { host_id: "../x" },
    { host_id: "" },
    { host_id: "a".repeat(65) },
    { host_id: "lab-1", commit: "HEAD" },
    { host_id: "lab-1", waiting: -1 },
    { host_id: "lab-1", waiting: "many" },
    { host_id: "lab-1", version: "v".repeat(257) }
  ]
  for (const body of bodies) {
    expectProblem(await ping(receiver, body), 400, "bad-request", { remediation: expect.any(String) })
  }
  const long = { host_id: "lab-1", more: "x".repeat(64 * 1024) }
  expectProblem(await ping(receiver, long), 413, "too-large", { limit_bytes: 65536 })
  const chunked = await send(receiver.port, { method: "POST", path: "/v1/ping", body: '{"host_id":"lab-1"}' })
  expectProblem(chunked, 411, "length-required")
  expect(await remembered(receiver)).toEqual([])
})

test("the last words of every host are remembered, and who spoke under its name", async () => {
  await using receiver = await startReceiver()
  const full = {
    host_id: "lab-1",
    commit: COMMIT,
    version: "1.2.3",
    instance_id: "first",
    waiting: 3,
    oldest_waiting_at: "2026-01-01T00:00:00Z",
    quarantined: 1,
    conflicts: 0,
    free_bytes: 1e12
  }
  await ping(receiver, { host_id: "lab-2", unknown: true })
  await ping(receiver, { ...full, instance_id: "second" })
  await ping(receiver, full)
  expect(await remembered(receiver)).toEqual([
    {
      host_id: "lab-1",
      seen_at: expect.any(String),
      said: full,
      instances: [
        { id: "first", seen_at: expect.any(String) },
        { id: "second", seen_at: expect.any(String) }
      ],
      quarantined_since: expect.any(String)
    },
    { host_id: "lab-2", seen_at: expect.any(String), said: { host_id: "lab-2" }, instances: [] }
  ])
  expect(readdirSync(receiver.hosts).toSorted()).toEqual(["lab-1.json", "lab-2.json"])
})

test("a note that is damaged is passed over, and replaced by the next ping", async () => {
  await using receiver = await startReceiver()
  writeFileSync(join(receiver.hosts, "lab-1.json"), "{")
  expect(await remembered(receiver)).toEqual([])
  expect((await ping(receiver, { host_id: "lab-1" })).status).toBe(200)
  expect(await remembered(receiver)).toMatchObject([{ host_id: "lab-1" }])
})

test("many pings of one host at once leave one whole note", async () => {
  await using receiver = await startReceiver()
  const ids = Array.from({ length: 10 }, (_, i) => `instance-${i}`)
  await Promise.all(ids.map((id) => ping(receiver, { host_id: "lab-1", instance_id: id })))
  const [row] = await remembered(receiver)
  expect(row?.instances.map(({ id }) => id).toSorted()).toEqual(ids)
})

test("health says whether something could be stored, and why not", async () => {
  let freeBytes = 10_000
  await using receiver = await startReceiver({ freeBytes: () => freeBytes, limits: { minFreeBytes: 10_000 } })
  const health = () => send(receiver.port, { method: "GET", path: "/v1/health" })
  const well = await health()
  expect(well.status).toBe(200)
  expect(jsonOf(well)).toMatchObject({ ok: true })
  freeBytes--
  expectProblem(await health(), 503, "unavailable", { ok: false, error: expect.stringContaining("min_free_bytes") })
  freeBytes++
  receiver.dataset.control.trouble = "the index cannot be written"
  expectProblem(await health(), 503, "unavailable", { ok: false, error: "the index cannot be written" })
})
