import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { closedToNobody, mendIt, readDoctor } from "../support/doctor.ts"
import { refuses, says, startFakeReceiver } from "../support/fakeReceiver.ts"
import { makeFakeTools } from "../support/fakeTools.ts"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { type Box, COMMIT, type Config, DAY, makeBox, type Options, untilRunning } from "../support/shipperBox.ts"
import { until } from "../support/wire.ts"

const PEM = join(import.meta.dirname, "../support/pem")

/** A lab host that has run before, with its code and the tools of systemd. */
const makeHost = async (url: string, config: Partial<Config> = {}) => {
  const box = makeBox(url, config)
  const tools = makeFakeTools(box.home)
  for (const below of ["packed", "tally", "drafts", "trash", "acked"]) {
    fs.mkdirSync(box.path("state", below), { recursive: true })
  }
  fs.mkdirSync(join(box.home, "code/.git"), { recursive: true })
  fs.writeFileSync(join(box.home, "code/.git/HEAD"), `${COMMIT}\n`)
  const run = (args: ReadonlyArray<string> = [], options: Options = {}) =>
    box.run(["doctor", ...args], { ...options, env: { PATH: tools.path, ...options.env } })
  return {
    ...box,
    tools,
    run,
    doctor: async (options?: Options) => readDoctor(await run(["--json"], options)),
    [Symbol.dispose]: box[Symbol.dispose]
  }
}
type Host = Awaited<ReturnType<typeof makeHost>>

const answer = (over: object = {}) =>
  says(200, {
    ok: true,
    host_id: "lab-1",
    schema_version: 1,
    server_time: new Date().toISOString(),
    max_episode_bytes: 2 ** 31,
    head_commit: COMMIT,
    commit_allowed: true,
    ...over
  })
const welcoming = () => startFakeReceiver(({ path }) => (path === "/v1/ping" ? answer() : "good"))

/** A finished episode of this moment. */
const fresh = (host: Box, id: string): void => {
  host.episode(id)
  host.stamp(`episodes/${id}`, Date.now() / 1000)
}

/** A directory in `quarantine/`, refused so many days ago. */
const quarantined = (host: Box, name: string, reason: string, days = 0, body: unknown = null): void => {
  const at = Date.now() - days * DAY
  host.put(`quarantine/${name}`, {
    "meta.json": "{}",
    "quarantine_reason.json": JSON.stringify({
      reason,
      episode_id: name,
      status_code: 412,
      error: `refused as ${reason}`,
      body,
      commit: null,
      quarantined_at_wall: new Date(at).toISOString()
    })
  })
  host.stamp(`quarantine/${name}`, at / 1000)
}

/** Everything below a directory with all that would change if it were touched. */
const everything = (root: string): string =>
  execFileSync("find", [root, "-printf", "%p %y %s %m %T@\n"], { encoding: "utf8" }).split("\n").toSorted().join("\n")

test("a host that is well: every check green, exit 0, nothing written, in text and as JSON", async () => {
  await using receiver = await welcoming()
  using host = await makeHost(receiver.url)
  fresh(host, "E1")
  const before = everything(host.data)
  const found = await host.doctor()
  expect([found.code, found.unwell]).toEqual([0, []])
  expect([...new Set(found.rows.map(({ check }) => check))]).toEqual([
    "config",
    "directories",
    "space",
    "inodes",
    "names",
    "readable",
    "changing",
    "tls",
    "receiver",
    "commit",
    "clock",
    "service",
    "backlog",
    "quarantine",
    "conflicts",
    "journal"
  ])
  for (const row of found.rows) expect(Object.keys(row)).toEqual(["check", "target", "state", "found", "mend"])
  const text = await host.run()
  expect([text.code, text.stderr]).toEqual([0, ""])
  expect(text.stdout).toMatch(/^green {3}receiver {5}http:\/\/127.0.0.1:\d+ +answers, and lets this host in$/m)
  expect(text.stdout).toMatch(/^all green: 16 checks$/m)
  expect(text.stdout).not.toContain("\u001b")
  expect(everything(host.data)).toBe(before)
  expect(receiver.sent()).toEqual([])
})

test("it stands beside a daemon at work, and tells the receiver what the daemon tells it", async () => {
  await using receiver = await welcoming()
  using host = await makeHost(receiver.url, { shipper: { checkin_interval_s: 0 } })
  await using daemon = host.daemon()
  await untilRunning(daemon, () => daemon.stderr().includes("started"))
  fs.writeFileSync(host.path("state/instance_id"), "0123456789abcdef0123456789abcdef")
  quarantined(host, "Q1", "too_large")
  const found = await host.doctor()
  expect(found.unwell.map(({ check }) => check)).toEqual(["quarantine"])
  expect(JSON.parse(receiver.last("POST").body.toString())).toMatchObject({
    host_id: "lab-1",
    commit: COMMIT,
    instance_id: "0123456789abcdef0123456789abcdef",
    waiting: 0,
    quarantined: 1,
    conflicts: 0,
    free_bytes: expect.any(Number)
  })
  expect(daemon.over()).toBe(false)
})

test("a configuration that cannot be used is a red row with its own words; what needs none is looked at all the same", async () => {
  using host = await makeHost("http://127.0.0.1:1")
  host.tools.journal("quarantined: no episode=E1 status=412 reason=out_of_window")
  host.configure({ shipper: { concurrency: 0 }, receiver: { bearer_token: "hunter2 hunter2" } })
  const broken = await host.doctor()
  expect(broken.code).toBe(1)
  expect(broken.of("config")).toMatchObject({ state: "red", mend: `sudoedit ${host.configFile}` })
  expect(broken.of("config").found).toMatch(
    /shipper\.concurrency: found 0, wants .*receiver\.bearer_token|receiver\.bearer_token.*shipper\.concurrency/
  )
  expect(broken.stdout).not.toContain("hunter2")
  expect(broken.rows.map(({ check, state }) => `${check} ${state}`)).toEqual([
    "config red",
    "service green",
    "journal red"
  ])

  host.configure()
  const overridden = await host.doctor({ env: { CIS490_SHIPPER__CONCURRENCY: "many" } })
  expect(overridden.of("config")).toMatchObject({ state: "red", mend: "unset CIS490_SHIPPER__CONCURRENCY" })
  fs.rmSync(host.configFile)
  expect((await host.doctor()).of("config").found).toMatch(/no such file/)
})

test("a host on which nothing has run yet: the mend makes its directories", async () => {
  await using receiver = await welcoming()
  using host = await makeHost(receiver.url)
  fs.rmSync(host.data, { recursive: true })
  host.tools.unit({ User: "cis490" })
  expect((await host.doctor()).of("directories").mend).toBe(
    `sudo install -d -o cis490 -g cis490 -m 750 ${host.data} && sudo systemctl restart cis490-shipper`
  )
  host.tools.unit()
  expect((await host.doctor()).of("directories").mend).toBe("sudo systemctl restart cis490-shipper")
  host.tools.unit({ ActiveState: "inactive" })
  const row = (await host.doctor()).of("directories")
  expect(row).toMatchObject({ state: "red", mend: `cis490-shipper once --config ${host.configFile}` })
  await mendIt(host.tools, row)
  host.tools.unit()
  expect((await host.doctor()).unwell).toEqual([])
})

test("strange names, episodes that change, files that cannot be read are named", async () => {
  await using receiver = await welcoming()
  using host = await makeHost(receiver.url)
  fresh(host, "E1")
  fs.writeFileSync(host.path("episodes/a b"), "")
  fs.writeFileSync(
    host.path("state/tally/E1.json"),
    JSON.stringify({ damaged: 0, changed: 3, changed_at: Date.now(), stopped: 0 })
  )
  const file = host.path("episodes/E1/events.jsonl")
  if (process.getuid?.() === 0) {
    execFileSync("chown", ["-R", "1:1", host.data])
    fs.chownSync(file, 2, 2)
  }
  fs.chmodSync(file, process.getuid?.() === 0 ? 0o600 : 0)

  const found = await host.doctor()
  expect(found.of("names")).toMatchObject({
    state: "yellow",
    mend: expect.stringContaining(`'${host.path("episodes/a b")}'`)
  })
  expect(found.of("changing")).toMatchObject({ state: "yellow", found: expect.stringContaining("E1") })
  const closed = found.of("readable")
  expect(closed).toMatchObject({ state: "yellow", found: expect.stringContaining(file) })
  await mendIt(host.tools, closed)
  expect((await host.doctor()).of("readable").state).toBe("green")
})

test("a wrong token, at a real receiver; the right one turns it green", async () => {
  using central = makeReceiverBox()
  await using running = await central.start({ under: ["env", "CIS490_AUTH__BEARER_TOKEN=the-right-one"] })
  using host = await makeHost(running.url, { receiver: { bearer_token: "the-wrong-one" } })
  const wrong = await host.doctor()
  expect(wrong.of("receiver")).toMatchObject({ state: "red", mend: `sudoedit ${host.configFile}` })
  expect(wrong.of("receiver").found).toMatch(/token.*HTTP status 401/)
  expect(wrong.stdout).not.toContain("the-wrong-one")
  expect(wrong.rows.filter(({ check }) => check === "commit" || check === "clock")).toEqual([])
  host.configure({ receiver: { bearer_token: "the-right-one" } })
  const right = await host.doctor()
  expect([right.of("receiver").state, right.of("clock").state]).toEqual(["green", "green"])
  expect(central.rows()).toEqual([])
})

test("a receiver that is down", async () => {
  using host = await makeHost("http://127.0.0.1:1")
  const found = await host.doctor()
  expect(found.of("receiver")).toMatchObject({
    state: "red",
    found: expect.stringMatching(/ECONNREFUSED/),
    mend: "sudo systemctl start cis490-receiver  # on 127.0.0.1"
  })
  expect(found.unwell).toHaveLength(1)
})

test("code outside of the window is red with what the receiver says mends it, else with the default", async () => {
  await using receiver = await startFakeReceiver(() => answer({ commit_allowed: false, head_commit: "f".repeat(40) }))
  using host = await makeHost(receiver.url)
  const row = (await host.doctor()).of("commit")
  expect(row).toMatchObject({
    state: "red",
    found: expect.stringMatching(/^0123456789ab is not in the window; the newest is ffffffffffff/)
  })
  expect(row.mend).toMatch(
    /^cd \/opt\/cis490 && sudo -u cis490 git pull origin main && sudo .*install-lab-host\.sh && /
  )
  quarantined(host, "Q1", "out_of_window", 0, { remediation: "touch /x\n/update --now\n" })
  expect((await host.doctor()).of("commit").mend).toBe("touch /x && /update --now")
})

test.each([
  ["green", 30_000],
  ["yellow", 120_000],
  ["red", 600_000],
  ["red", -600_000]
] as const)("%s with a clock that is %d ms ahead", async (state, ahead) => {
  await using receiver = await startFakeReceiver(() => answer())
  using host = await makeHost(receiver.url)
  expect((await host.doctor({ ahead })).of("clock").state).toBe(state)
})

test("an old backlog; the mend ships it", async () => {
  await using receiver = await welcoming()
  using host = await makeHost(receiver.url)
  fresh(host, "E0")
  host.episode("E1")
  host.tools.unit({ LoadState: "not-found", ActiveState: "inactive" })
  const row = (await host.doctor()).of("backlog")
  expect(row).toMatchObject({ state: "red", mend: `cis490-shipper once --config ${host.configFile}` })
  expect(row.found).toMatch(/^2 episodes waiting; the oldest, E1, for/)
  await mendIt(host.tools, row)
  expect((await host.doctor()).of("backlog").state).toBe("green")
  host.tools.unit()
  host.episode("E2")
  expect((await host.doctor()).of("backlog").mend).toBe("sudo systemctl restart cis490-shipper")
  const days = '["mon", "tue", "wed", "thu", "fri", "sat", "sun"]'
  fs.appendFileSync(host.configFile, `[[shipper.window]]\ndays = ${days}\nfrom = "00:00"\nto = "24:00"\nrate = 0\n`)
  expect((await host.doctor()).of("backlog")).toMatchObject({
    state: "red",
    found: expect.stringMatching(/; window closed for more than a week$/),
    mend: `sudoedit ${host.configFile}`
  })
})

test("a clogged quarantine, by reason; each mend clears its row", async () => {
  await using receiver = await welcoming()
  using host = await makeHost(receiver.url)
  host.configure({ retention: { quarantine_keep_days: 30 } })
  quarantined(host, "A1", "too_large")
  quarantined(host, "B1", "unpackable")
  quarantined(host, "B2", "unpackable", 20)
  quarantined(host, "C1", "unstamped", 24)
  const found = await host.doctor()
  const states = found.rows
    .filter(({ check }) => check === "quarantine")
    .map(({ state, target }) => `${target} ${state}`)
  expect(states).toEqual(["too_large yellow", "unpackable yellow", "unstamped red"])
  for (const reason of ["too_large", "unpackable", "unstamped"])
    await mendIt(host.tools, found.of("quarantine", reason))
  const after = await host.doctor()
  expect(after.of("quarantine")).toMatchObject({ target: "unpackable", state: "green" })
  expect(host.names("episodes")).toEqual(["A1", "C1"])
  // Seen or not: seven days before it goes it is red again.
  const later = await host.doctor({ ahead: 4 * DAY })
  expect(later.of("quarantine")).toMatchObject({
    state: "red",
    found: expect.stringContaining("B2 will be deleted in")
  })
})

test("conflicts are named; the mend ends them and loses nothing", async () => {
  await using receiver = await startFakeReceiver(({ path }) =>
    path === "/v1/ping" ? answer() : refuses(409, "other content", { stored_sha256: "0".repeat(64) })
  )
  using host = await makeHost(receiver.url)
  fresh(host, "E1")
  await host.once()
  const row = (await host.doctor()).of("conflicts")
  expect(row).toMatchObject({
    state: "red",
    mend: `cis490-shipper resolve E1 --keep-stored --config ${host.configFile}`
  })
  await mendIt(host.tools, row)
  expect((await host.doctor()).of("conflicts").state).toBe("green")
  expect(host.names("quarantine")).toEqual(["E1"])
})

test("the journal: what a daemon really logs is classified, and forgotten once it runs anew", async () => {
  const remediation = "true\n# update\necho updated"
  await using receiver = await startFakeReceiver(({ id, path }) => {
    if (path === "/v1/ping") return answer()
    if (id === "E412") return refuses(412, "not in the window", { remediation, your_commit: COMMIT, head_commit: null })
    return id === "E400"
      ? refuses(400, "bad digest")
      : id === "E503"
        ? refuses(503, "busy", { type: "urn:cis490:problem:commit-unknown" })
        : "good"
  })
  using host = await makeHost(receiver.url)
  const log = async (...ids: ReadonlyArray<string>): Promise<void> => {
    for (const id of ids) fresh(host, id)
    const { stderr } = await host.once()
    host.tools.journal(...stderr.trimEnd().split("\n"))
    for (const id of host.names("episodes")) fs.rmSync(host.path("episodes", id), { recursive: true })
  }
  const journal = async () => (await host.doctor()).of("journal")

  await log("E1")
  expect(await journal()).toMatchObject({ state: "green" })
  await log("E503")
  expect(await journal()).toMatchObject({
    state: "yellow",
    mend: `cis490-shipper ping --config ${host.configFile} && sudo systemctl restart cis490-shipper`
  })
  await log("E400", "E503")
  expect(await journal()).toMatchObject({
    state: "red",
    found: expect.stringMatching(/^1 ship\(s\) rejected as bad requests/)
  })
  await log("E412", "E400", "E503")
  const row = await journal()
  expect(row).toMatchObject({
    state: "red",
    found: "1 ship(s) rejected as out-of-window, and 1 as bad requests",
    mend: "true && echo updated"
  })
  await mendIt(host.tools, row)
  host.tools.journal("quarantined: x status=412", "<6>started")
  expect((await journal()).state).toBe("green")

  host.tools.says("journalctl", "", {
    stderr: "No journal files were opened due to insufficient permissions.\n",
    code: 1
  })
  expect(await journal()).toMatchObject({ state: "yellow", mend: "sudo usermod -aG systemd-journal $USER" })
  await host.run(["--since", "2026-01-01"])
  expect(host.tools.asked()).toMatch(/--since=2026-01-01/)
})

test("TLS files: missing, broken, expiring, expired, of another key", async () => {
  using host = await makeHost("https://127.0.0.1:1")
  const file = (name: string) => join(host.home, name)
  const use = (cert: string, key: string): void => {
    fs.copyFileSync(join(PEM, cert), file("client.pem"))
    fs.copyFileSync(join(PEM, key), file("client.key"))
  }
  host.configure({
    receiver: { ca_bundle: file("ca.pem"), client_cert: file("client.pem"), client_key: file("client.key") }
  })
  const states = async (options?: Options) => {
    const found = await host.doctor(options)
    return Object.fromEntries(
      found.rows
        .filter(({ check }) => check === "tls")
        .map(({ state, target }) => [target.slice(host.home.length + 1), state])
    )
  }
  expect(await states()).toEqual({ "ca.pem": "red", "client.pem": "red", "client.key": "red" })
  fs.writeFileSync(file("ca.pem"), "no PEM")
  use("client-new.pem", "client-old.key")
  expect(await states()).toEqual({ "ca.pem": "red", "client.pem": "green", "client.key": "red" })
  fs.copyFileSync(join(PEM, "ca.pem"), file("ca.pem"))
  use("client-new.pem", "client-new.key")
  expect(await states()).toEqual({ "ca.pem": "green", "client.pem": "green", "client.key": "green" })

  const { X509Certificate } = await import("node:crypto")
  const left = new X509Certificate(fs.readFileSync(file("client.pem"))).validToDate.getTime() - Date.now()
  const at = async (days: number) => (await states({ ahead: left - days * DAY }))["client.pem"]
  expect([await at(15), await at(10), await at(1), await at(-1)]).toEqual(["green", "yellow", "red", "red"])
})

test("secrets that root can read and the service cannot; the mends give them to the service", async () => {
  await using receiver = await welcoming()
  using host = await makeHost(receiver.url)
  const [token, ca] = [join(host.home, "keys/token"), join(host.home, "keys/ca.pem")]
  fs.chmodSync(host.home, 0o711)
  fs.mkdirSync(join(host.home, "keys"), { mode: 0o711 })
  fs.writeFileSync(token, "hunter2")
  fs.copyFileSync(join(PEM, "ca.pem"), ca)
  for (const file of [token, ca]) fs.chmodSync(file, 0o640)
  host.configure({ receiver: { bearer_token_file: token, ca_bundle: ca } })
  const looks = async (unit: Readonly<Record<string, string>>) => {
    host.tools.unit(unit)
    const found = await host.doctor()
    return [found.of("receiver"), found.of("tls")] as const
  }
  const open = [{ state: "green" }, { state: "green" }]
  for (const unit of [{}, { User: "root" }, { User: "nobody", LoadState: "not-found" }, { User: "who is that" }]) {
    expect(await looks(unit)).toMatchObject(open)
  }
  for (const group of [{ Group: "root" }, { SupplementaryGroups: "daemon root" }]) {
    expect(await looks({ User: "nobody", ...group })).toMatchObject(open)
  }

  const closed = await looks({ User: "nobody" })
  expect(closed).toMatchObject([closedToNobody(token), closedToNobody(ca)])
  fs.chmodSync(join(host.home, "keys"), 0o700)
  const hidden = [closedToNobody(token, `namei -l ${token}`), closedToNobody(ca, `namei -l ${ca}`)]
  expect(await looks({ User: "nobody" })).toMatchObject(hidden)
  const [linkedToken, linkedCa] = [join(host.home, "token"), join(host.home, "ca.pem")]
  fs.symlinkSync(token, linkedToken)
  fs.symlinkSync(ca, linkedCa)
  host.configure({ receiver: { bearer_token_file: linkedToken, ca_bundle: linkedCa } })
  expect(await looks({ User: "nobody" })).toMatchObject([
    closedToNobody(linkedToken, `namei -l ${linkedToken}`),
    closedToNobody(linkedCa, `namei -l ${linkedCa}`)
  ])
  host.configure({ receiver: { bearer_token_file: token, ca_bundle: ca } })
  fs.chmodSync(join(host.home, "keys"), 0o711)
  for (const row of closed) if (row.mend !== null) await mendIt(host.tools, row)
  expect(await looks({ User: "nobody" })).toMatchObject(open)
})

const yellow = "did not answer within 8 s"

test("whatever hangs costs its own row, and never the others", async () => {
  await using receiver = await startFakeReceiver(() => "stall")
  using host = await makeHost(receiver.url)
  const pipe = (name: string): string => {
    const path = join(host.home, name)
    execFileSync("mkfifo", [path])
    return path
  }
  // A pipe without a writer holds whoever opens it, as a dead file server does.
  const files = { ca_bundle: pipe("ca"), client_cert: pipe("cert"), client_key: pipe("key") }
  host.configure({ receiver: { ...files, bearer_token_file: pipe("token") } })
  fs.writeFileSync(host.path("episodes/stray"), "")
  host.tools.hangs("systemctl")
  host.tools.hangs("journalctl")
  const found = await host.doctor()
  expect(found.code).toBe(1)
  const silent = found.rows.filter((row) => row.found === yellow).map(({ check, state }) => `${check} ${state}`)
  expect(silent).toEqual([
    "tls yellow",
    "tls yellow",
    "tls yellow",
    "receiver yellow",
    "service yellow",
    "journal yellow"
  ])
  expect(found.unwell.filter((row) => row.found !== yellow).map(({ check }) => check)).toEqual(["names"])
  await until(() => [host.tools.hanging("systemctl"), host.tools.hanging("journalctl")].every(isGone))
})

const isGone = (pid: number | undefined): boolean => {
  try {
    process.kill(pid ?? 0, 0)
    return false
  } catch {
    return true
  }
}

test("a receiver that takes the connection and says nothing costs one row", async () => {
  await using receiver = await startFakeReceiver(() => "stall")
  using host = await makeHost(receiver.url)
  const found = await host.doctor()
  expect(found.unwell).toEqual([
    {
      check: "receiver",
      target: receiver.url,
      state: "yellow",
      found: yellow,
      mend: `cis490-shipper ping --config ${host.configFile}`
    }
  ])
})

const unpack = (host: Host, bundle: string): { readonly text: string; readonly names: ReadonlyArray<string> } => {
  const into = join(host.home, "unpacked")
  fs.rmSync(into, { recursive: true, force: true })
  fs.mkdirSync(into)
  const tar = execFileSync(process.execPath, [
    "-e",
    "process.stdout.write(require('node:zlib').zstdDecompressSync(require('node:fs').readFileSync(process.argv[1])))",
    bundle
  ])
  execFileSync("tar", ["-x", "-C", into], { input: tar })
  const names = fs.readdirSync(into, { recursive: true, encoding: "utf8" }).toSorted()
  const files = names.map((name) => join(into, name)).filter((path) => fs.statSync(path).isFile())
  return { names, text: files.map((path) => fs.readFileSync(path, "utf8")).join("\n") }
}

test("a bundle holds what a maintainer would ask for and no secret, for its owner only, in a new file only", async () => {
  await using receiver = await welcoming()
  using host = await makeHost(receiver.url)
  const tokenFile = join(host.home, "token")
  fs.writeFileSync(tokenFile, "hunter2-in-a-file\n")
  host.configure({ receiver: { bearer_token: "hunter2-in-the-config", bearer_token_file: tokenFile } })
  fresh(host, "E1")
  quarantined(host, "Q1", "too_large")
  fs.writeFileSync(host.path("episodes/E1/secret.txt"), "content of an episode")
  fs.writeFileSync(host.path("state/last.json"), JSON.stringify({ last_error: "hunter2-in-a-file was refused" }))
  host.tools.journal("check-in failed: hunter2-in-the-config is no token")
  const bundle = join(host.home, "bundle.tar.zst")
  const ran = await host.run(["--bundle", bundle])
  expect(ran.code).toBe(1)
  expect(ran.stderr).toContain(bundle)
  expect(fs.statSync(bundle).mode & 0o777).toBe(0o600)
  const { names, text } = unpack(host, bundle)
  const top = "cis490-shipper-doctor"
  for (const name of [
    "doctor.json",
    "config.json",
    "versions.txt",
    "service.json",
    "journal.txt",
    "status.json",
    "listing.txt",
    "state/last.json"
  ]) {
    expect(names).toContain(`${top}/${name}`)
  }
  expect(text).not.toContain("hunter2")
  expect(text).not.toContain("content of an episode")
  expect(text).toContain("<redacted> was refused")
  expect(text).toContain("episodes/E1/secret.txt")

  const before = fs.readFileSync(bundle)
  const again = await host.run(["--bundle", bundle])
  expect([again.code, again.stderr]).toEqual([1, `${bundle} is there already; the bundle goes into a new file only\n`])
  expect(fs.readFileSync(bundle).equals(before)).toBe(true)
})

test("a bundle of a host that cannot be understood is written all the same", async () => {
  using host = await makeHost("http://127.0.0.1:1")
  fs.writeFileSync(host.configFile, 'host_id = "lab-1"\n[receiver]\nbearer_token = "hunter2\n')
  host.tools.says("systemctl", "", { stderr: "no\n", code: 1 })
  const bundle = join(host.home, "bundle.tar.zst")
  expect((await host.run(["--bundle", bundle])).code).toBe(1)
  const { names, text } = unpack(host, bundle)
  expect(names).toContain("cis490-shipper-doctor/service.json.missing")
  expect(text).not.toContain("hunter2")
})
