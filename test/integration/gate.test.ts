/** The programs and the gate, end to end: 412 and 400 are said of the right episodes, and of no other. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { makeEpisode, putOf } from "../support/episode.ts"
import { startFakeForgejo } from "../support/fakeForgejo.ts"
import { makeRepository, runGit } from "../support/gitRepository.ts"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { type Box, makeBox } from "../support/shipperBox.ts"
import { expectProblem, send, until } from "../support/wire.ts"

const WINDOW = 100
const REMEDIATION = "cd /srv/code && git pull\nsudo systemctl restart recorder"

const makeCode = (commits: number) => {
  const root = mkdtempSync(join(tmpdir(), "cis490-code-"))
  const repository = makeRepository(root)
  repository.add(commits)
  return { ...repository, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) }
}

const gateOf = (port: number, over = {}) => ({
  enabled: true,
  forgejo_url: `http://127.0.0.1:${port}`,
  repo_owner: "lab",
  repo_name: "cis490",
  window: WINDOW,
  cache_ttl_s: 0.2,
  remediation: REMEDIATION,
  ...over
})

type Kind = "good" | "old" | "unknown" | "missing" | "malformed"
const KINDS: ReadonlyArray<Kind> = [
  "good",
  "old",
  "good",
  "missing",
  "good",
  "unknown",
  "good",
  "malformed",
  "good",
  "good"
]

const metaOf = (kind: Kind, log: ReadonlyArray<string>, n: number): unknown => {
  const commits: Record<Kind, unknown> = {
    good: log[n % WINDOW],
    old: log[WINDOW + (n % (log.length - WINDOW))],
    unknown: n.toString(16).padStart(40, "e"),
    missing: undefined,
    malformed: "HEAD"
  }
  return { code_version: { commit: commits[kind] } }
}

const EXPECTED: Record<Exclude<Kind, "good">, { reason: string; status_code: number }> = {
  old: { reason: "out_of_window", status_code: 412 },
  unknown: { reason: "out_of_window", status_code: 412 },
  missing: { reason: "bad_request", status_code: 400 },
  malformed: { reason: "bad_request", status_code: 400 }
}

test("200 episodes of three hosts, with the receiver restarted and the server of the code gone half-way", async () => {
  using code = makeCode(130)
  const log = code.log()
  const forgejo = await startFakeForgejo(code.path)
  const port = forgejo.port
  using central = makeReceiverBox({ version_gate: gateOf(port) })
  using boxes = new DisposableStack()
  const hosts = ["lab-1", "lab-2", "lab-3"].map((name) => ({ name, box: boxes.use(makeBox("http://127.0.0.1:1")) }))
  const all = Array.from({ length: 200 }, (_, n) => ({
    id: `episode-${String(n).padStart(3, "0")}`,
    kind: KINDS[n % KINDS.length] ?? "good",
    host: hosts[n % hosts.length] as { name: string; box: Box },
    n
  }))
  for (const { host, id, kind, n } of all) host.box.episode(id, { "meta.json": JSON.stringify(metaOf(kind, log, n)) })
  const quarantined = () => hosts.flatMap(({ box }) => box.names("quarantine"))
  const point = (url: string) => {
    for (const { box, name } of hosts) box.configure({ receiver: { url } }, `host_id = "${name}"`)
  }
  const pass = () => Promise.all(hosts.map(({ box }) => box.once()))

  const first = await central.start()
  point(first.url)
  const passing = pass()
  await until(() => central.rows().length >= 20 && quarantined().length >= 4)
  await forgejo.close()
  await until(() => central.rows().length >= 40)
  await first.stop("SIGKILL")
  await passing

  await using second = await central.start()
  point(second.url)
  const unsure = (name: string) => !quarantined().includes(name)
  const before = all.filter(({ id, kind }) => unsure(id) && (kind === "old" || kind === "unknown")).map(({ id }) => id)
  const stored = central.rows().length
  expect(before.length).toBeGreaterThan(0)
  const blind = await pass()
  // It has never known a commit: nothing is stored, nothing is refused for its commit, everything waits.
  expect(blind.map(({ code: status }) => status)).toEqual([1, 1, 1])
  expect(central.rows().length).toBe(stored)
  expect(before.filter((id) => !unsure(id))).toEqual([])

  await using again = await startFakeForgejo(code.path, { port })
  for (let left = 1; left > 0; ) {
    await pass()
    left = hosts.reduce((sum, { box }) => sum + box.names("episodes").length, 0)
  }
  expect(again.asked.length).toBeGreaterThan(0)

  const good = all.filter(({ kind }) => kind === "good")
  expect(
    central
      .rows()
      .map(({ commit, episode_id, host_id }) => [host_id, episode_id, commit])
      .toSorted()
  ).toEqual(good.map(({ host, id, n }) => [host.name, id, log[n % WINDOW]]).toSorted())
  expect(central.store()).toEqual(good.map(({ host, id }) => join(host.name, `${id}.tar.zst`)).toSorted())
  for (const { host, id, kind, n } of all) {
    if (kind === "good") {
      expect(host.box.exists("shipped", id)).toBe(true)
      continue
    }
    const reason = host.box.json("quarantine", id, "quarantine_reason.json")
    expect(reason).toMatchObject({ ...EXPECTED[kind], body: { remediation: REMEDIATION } })
    if (EXPECTED[kind].status_code === 400) expect(reason.error).toBe("missing X-Cis490-Code-Commit header")
    else {
      const { code_version } = metaOf(kind, log, n) as { code_version: { commit: string } }
      expect(reason.body).toMatchObject({ your_commit: code_version.commit, head_commit: log[0] })
    }
  }
}, 180_000)

test("what a host hears of its commit: before it records, when it sends, and what to run", async () => {
  using code = makeCode(WINDOW + 1)
  await using forgejo = await startFakeForgejo(code.path)
  using central = makeReceiverBox({ version_gate: gateOf(forgejo.port) })
  await using receiver = await central.start()
  using box = makeBox(receiver.url)
  const checkout = join(box.home, "code")
  runGit(box.home, ["clone", "--quiet", code.path, checkout])
  const ping = async () => {
    const { code: status, stdout } = await box.run(["ping", "--json"])
    return { status, body: JSON.parse(stdout).body }
  }
  const head = () => code.log()[0]

  expect(await ping()).toMatchObject({ status: 0, body: { commit_allowed: true, head_commit: head() } })
  runGit(checkout, ["checkout", "--quiet", "HEAD~100"])
  expect(await ping()).toMatchObject({ status: 1, body: { commit_allowed: false, head_commit: head() } })

  code.add(1, "main", "refs/heads/main^0")
  runGit(checkout, ["fetch", "--quiet"])
  runGit(checkout, ["checkout", "--quiet", "origin/main"])
  expect(await ping()).toMatchObject({ status: 0, body: { commit_allowed: true, head_commit: head() } })

  for (const id of ["old-1", "old-2"]) {
    box.episode(id, { "meta.json": JSON.stringify({ code_version: { commit: code.log()[WINDOW] } }) })
  }
  const { counts, stderr } = await box.once()
  expect(counts).toMatchObject({ fatal: 2 })
  for (const line of REMEDIATION.split("\n")) expect(stderr.split(line).length - 1).toBe(1)
  expect(stderr.match(/status=412/g)?.length).toBe(2)

  const { tarball } = makeEpisode()
  expectProblem(await send(receiver.port, putOf(tarball)), 400, "missing-commit", {
    error: "missing X-Cis490-Code-Commit header",
    remediation: REMEDIATION
  })
  for (const commit of [
    "HEAD",
    "A".repeat(40),
    "a".repeat(39),
    "a".repeat(64),
    `${"a".repeat(40)}, ${"a".repeat(40)}`
  ]) {
    const answer = await send(receiver.port, putOf(tarball, { "x-cis490-code-commit": commit }))
    expectProblem(answer, 400, "bad-commit", { remediation: REMEDIATION })
  }
  const unknown = "d".repeat(40)
  const refused = { your_commit: unknown, head_commit: head(), remediation: REMEDIATION }
  const put = () => send(receiver.port, putOf(tarball, { "x-cis490-code-commit": unknown }))
  expectProblem(await put(), 412, "out-of-window", refused)
  await forgejo.close()
  const unsure = await put()
  expectProblem(unsure, 503, "commit-unknown")
  expect(Number(unsure.headers["retry-after"])).toBeGreaterThan(0)
})

test("without the server the checkout answers, and says so once", async () => {
  using code = makeCode(WINDOW)
  const forgejo = await startFakeForgejo(code.path)
  const local = join(code.path, "checkout.git")
  runGit(code.path, ["clone", "--quiet", "--bare", code.path, local])
  using central = makeReceiverBox({ version_gate: gateOf(forgejo.port, { repo_path: local }) })
  await using receiver = await central.start()
  using box = makeBox(receiver.url)
  const shipsAll = async (...commits: ReadonlyArray<string | undefined>) => {
    for (const [i, commit] of commits.entries()) {
      box.episode(`${commit}-${i}`, { "meta.json": JSON.stringify({ code_version: { commit } }) })
    }
    return (await box.once()).counts
  }
  const said = (source: string) => receiver.stderr().split(`source=${source} `).length - 1

  expect(await shipsAll(code.log()[0], code.log()[WINDOW - 1])).toMatchObject({ shipped: 2 })
  await forgejo.close()
  code.add(1, "main", "refs/heads/main^0")
  runGit(local, ["fetch", "--quiet", code.path, "main:main"])
  expect(await shipsAll(code.log()[0], code.log()[1])).toMatchObject({ shipped: 2 })
  expect(await shipsAll("d".repeat(40))).toMatchObject({ transient_failures: 1, fatal: 0 })
  expect(await shipsAll("e".repeat(40))).toMatchObject({ transient_failures: 2, fatal: 0 })
  expect([said("forgejo"), said("git-fallback")]).toEqual([1, 1])

  await using _again = await startFakeForgejo(code.path, { port: forgejo.port })
  expect((await box.once()).counts).toMatchObject({ fatal: 2 })
  expect([said("forgejo"), said("git-fallback")]).toEqual([2, 1])
})
