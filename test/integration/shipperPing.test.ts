import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { proxySays, refuses, says, startFakeReceiver } from "../support/fakeReceiver.ts"
import { type Box, COMMIT, makeBox } from "../support/shipperBox.ts"

const answer = (over: object = {}) => ({
  ok: true,
  host_id: "lab-1",
  schema_version: 1,
  server_time: "2026-01-01T00:00:00Z",
  max_episode_bytes: 2147483648,
  head_commit: COMMIT,
  ...over
})

/** What the first pass makes. */
const started = (box: Box): void => void mkdirSync(box.path("state"))

test("ping works on a host where no pass has run yet", async () => {
  await using receiver = await startFakeReceiver(() => says(200, answer({ commit_allowed: true })))
  using box = makeBox(receiver.url)
  const ran = await box.run(["ping", "--json"])
  expect(JSON.parse(ran.stdout)).toMatchObject({ ok: true, status_code: 200 })
  expect(ran.code).toBe(0)
})

test("ping works where nothing at all is there yet, not even the data root", async () => {
  await using receiver = await startFakeReceiver(() => says(200, answer({ commit_allowed: true })))
  using box = makeBox(receiver.url)
  box.configure({ paths: { data_root: join(box.home, "later") } })
  const ran = await box.run(["ping", "--json"])
  expect([ran.code, JSON.parse(ran.stdout)]).toEqual([0, expect.objectContaining({ ok: true, status_code: 200 })])
})

test("ping sends who we are and the commit of the installed code, with the same authentication, and stores nothing", async () => {
  await using receiver = await startFakeReceiver(() => says(200, answer({ commit_allowed: true })))
  using box = makeBox(receiver.url, { receiver: { bearer_token: "s3cret-token" } })
  started(box)
  const git = join(box.home, "code/.git")
  for (const name of ["objects", "refs/heads"]) mkdirSync(join(git, name), { recursive: true })
  writeFileSync(join(git, "HEAD"), "ref: refs/heads/main\n")
  writeFileSync(join(git, "refs/heads/main"), `${COMMIT}\n`)
  box.episode("E1")
  const ran = await box.run(["ping", "--json"])
  expect([ran.code, JSON.parse(ran.stdout)], ran.stderr).toEqual([
    0,
    { ok: true, status_code: 200, body: answer({ commit_allowed: true }), error: null }
  ])
  const { headers, method, path, body } = receiver.last("POST")
  expect([method, path, headers.authorization]).toEqual(["POST", "/v1/ping", "Bearer s3cret-token"])
  const said = JSON.parse(body.toString())
  expect(said).toMatchObject({ host_id: "lab-1", commit: COMMIT, waiting: 1 })
  expect(ran.stdout + ran.stderr).not.toContain("s3cret-token")
  await box.run(["ping"])
  expect(JSON.parse(receiver.last("POST").body.toString()).instance_id).toBe(said.instance_id)
  expect(said.instance_id).toEqual(expect.any(String))
  expect(box.names("episodes")).toEqual(["E1"])
})

test.each([
  ["commit_allowed false", () => says(200, answer({ commit_allowed: false })), 200],
  ["401", () => refuses(401, "no valid token"), 401],
  ["503", () => refuses(503, "not now"), 503],
  ["302", () => proxySays(302, { location: "/x" }), 302],
  ["a portal's 200", () => proxySays(200), 200],
  ["a JSON 200 that is no answer", () => says(200, { status: "up" }), 200],
  ["200 that is not ok", () => says(200, answer({ ok: false })), 200],
  ["a cut connection", () => "cut" as const, 0]
])("ping answered by %s: exit 1", async (what, play, status) => {
  await using receiver = await startFakeReceiver(play)
  using box = makeBox(receiver.url)
  started(box)
  const ran = await box.run(["ping", "--json"])
  const said = JSON.parse(ran.stdout)
  expect([ran.code, said.status_code], ran.stdout).toEqual([1, status])
  expect(Object.keys(said).toSorted()).toEqual(["body", "error", "ok", "status_code"])
  if (what !== "commit_allowed false") expect([said.ok, said.error]).toEqual([false, expect.stringMatching(/./)])
})

test("ping without commit_allowed (the gate is off) is well", async () => {
  await using receiver = await startFakeReceiver(() => says(200, answer({ head_commit: null })))
  using box = makeBox(receiver.url)
  started(box)
  expect((await box.run(["ping"])).code).toBe(0)
})

test("ping when nothing answers: status_code 0, exit 1, a word about why", async () => {
  using box = makeBox("http://127.0.0.1:1")
  started(box)
  const ran = await box.run(["ping", "--json"])
  expect([ran.code, JSON.parse(ran.stdout)]).toEqual([
    1,
    { ok: false, status_code: 0, body: null, error: expect.stringMatching(/refused|ECONNREFUSED|connect/) }
  ])
})
