import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as http from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { closedToNobody, mendIt, readDoctor } from "../support/doctor.ts"
import { EPISODE, makeEpisode, PATH } from "../support/episode.ts"
import { startFakeForgejo } from "../support/fakeForgejo.ts"
import { makeFakeTools } from "../support/fakeTools.ts"
import { makeRepository } from "../support/gitRepository.ts"
import { DAY, type Options, RECEIVER, startProgram, untilRunning } from "../support/shipperBox.ts"
import { reprDigestOf } from "../support/wire.ts"

const PEM = join(import.meta.dirname, "../support/pem")
const HOUR = 3_600_000

type Tables = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>

const toml = (listen: string, tables: Tables): string =>
  [
    `listen = ${JSON.stringify(listen)}`,
    ...Object.entries(tables).map(([name, keys]) =>
      [`[${name}]`, ...Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}`)].join("\n")
    )
  ].join("\n")

/** A central node on a unix socket, with the tools of systemd and a checkout to ask for commits. */
const makeCentral = () => {
  const home = fs.mkdtempSync(join(tmpdir(), "cis490-central-"))
  const tools = makeFakeTools(home)
  const configFile = join(home, "receiver.toml")
  const path = (...parts: ReadonlyArray<string>) => join(home, ...parts)
  fs.mkdirSync(path("code"))
  const repository = makeRepository(path("code"))
  repository.add(3)
  const configure = (over: Tables = {}, listen = `unix:${path("r.sock")}`): void =>
    fs.writeFileSync(
      configFile,
      toml(listen, {
        paths: { store_root: path("store"), incoming_root: path("incoming"), index_path: path("index.jsonl") },
        ...over,
        limits: { min_free_bytes: 0, ...over["limits"] },
        version_gate: { repo_path: path("code"), ...over["version_gate"] }
      })
    )
  const launch = (args: ReadonlyArray<string>, options: Options = {}) =>
    startProgram([...args, "--config", configFile], {
      program: RECEIVER,
      ...options,
      env: { PATH: tools.path, ...options.env }
    })
  const start = async () => {
    const program = launch(["run"])
    await untilRunning(program, () => program.stderr().includes("listening"))
    return program
  }
  const ask = (method: string, target: string, headers: http.OutgoingHttpHeaders, body: string | Uint8Array) =>
    new Promise<number>((resolve, reject) => {
      const request = http.request({ socketPath: path("r.sock"), method, path: target, headers }, (response) => {
        response.resume()
        response.once("end", () => resolve(response.statusCode ?? 0))
      })
      request.once("error", reject)
      request.end(body)
    })
  configure()
  return {
    home,
    tools,
    configFile,
    path,
    repository,
    configure,
    start,
    run: (args: ReadonlyArray<string>, options?: Options) => launch(args, options).ended,
    doctor: async (options?: Options) => readDoctor(await launch(["doctor", "--json"], options).ended),
    ping: (words: object) => {
      const body = JSON.stringify(words)
      return ask("POST", "/v1/ping", { "content-length": Buffer.byteLength(body) }, body)
    },
    put: () => {
      const { tarball } = makeEpisode()
      return ask(
        "PUT",
        PATH,
        {
          "content-length": tarball.length,
          "repr-digest": reprDigestOf(tarball),
          "x-cis490-code-commit": "0123456789abcdef0123456789abcdef01234567"
        },
        tarball
      )
    },
    [Symbol.dispose]: () => fs.rmSync(home, { recursive: true, force: true })
  }
}

const everything = (root: string): string =>
  execFileSync("find", [root, "-path", "*/bin", "-prune", "-o", "-printf", "%p %y %s %m %T@\n"], { encoding: "utf8" })
    .split("\n")
    .toSorted()
    .join("\n")

test("a receiver that is well: every check green, exit 0, nothing written beside it", async () => {
  using central = makeCentral()
  await using running = await central.start()
  const before = everything(central.home)
  const found = await central.doctor()
  expect([found.code, found.unwell]).toEqual([0, []])
  expect(found.rows.map(({ check }) => check)).toEqual([
    "config",
    "directories",
    "space",
    "inodes",
    "space",
    "inodes",
    "gate",
    "index",
    "incoming",
    "damaged",
    "tls",
    "auth",
    "health",
    "service",
    "hosts",
    "fleet"
  ])
  expect(found.of("gate").found).toMatch(/^git: 3 of the last 100 commits, head [0-9a-f]{12}$/)
  expect(everything(central.home)).toBe(before)
  expect(running.over()).toBe(false)
})

test("one that has never run: backfill makes what is missing; one that does not run is red", async () => {
  using central = makeCentral()
  central.tools.unit({ User: "cis490" })
  expect((await central.doctor()).of("directories").mend).toMatch(
    /^sudo install -d -o cis490 -g cis490 -m 750 \S+ \S+ && sudo systemctl restart cis490-receiver$/
  )
  central.tools.unit({ LoadState: "not-found", ActiveState: "inactive" })
  const found = await central.doctor()
  expect(found.of("directories")).toMatchObject({ state: "red" })
  expect(found.of("index")).toMatchObject({ state: "red", found: "not there" })
  await mendIt(central.tools, found.of("directories"))
  const after = await central.doctor()
  expect([after.of("directories").state, after.of("index").state]).toEqual(["green", "green"])
  expect(after.of("health")).toMatchObject({ state: "red", mend: `cis490-receiver run --config ${central.configFile}` })
  central.tools.unit({ ActiveState: "inactive" })
  expect((await central.doctor()).of("health").mend).toBe("sudo systemctl enable --now cis490-receiver")
})

test("the index against the store: a lost file, a file without a row, one of another size, a torn index", async () => {
  using central = makeCentral()
  central.configure({ version_gate: { enabled: false } })
  central.tools.unit({ LoadState: "not-found", ActiveState: "inactive" })
  {
    await using _ = await central.start()
    expect(await central.put()).toBe(201)
    expect((await central.doctor()).of("index")).toMatchObject({
      state: "green",
      found: "1 row and 1 stored file agree, 1 looked at"
    })
  }
  const stored = central.path("store/lab-1", `${EPISODE}.tar.zst`)
  const index = async () => (await central.doctor()).of("index")
  const bytes = fs.readFileSync(stored)

  fs.appendFileSync(stored, "x")
  expect(await index()).toMatchObject({
    state: "red",
    found: expect.stringContaining(`another size than their rows say: lab-1/${EPISODE}`)
  })
  fs.rmSync(stored)
  expect(await index()).toMatchObject({
    state: "red",
    found: expect.stringContaining(`1 row without a stored file: lab-1/${EPISODE}`),
    mend: `sudo cis490-shipper reship ${EPISODE}  # on lab-1`
  })
  fs.writeFileSync(stored, bytes)
  fs.rmSync(central.path("index.jsonl"))
  for (const name of fs.readdirSync(central.home).filter((name) => name.includes(".lookup")))
    fs.rmSync(central.path(name))
  fs.writeFileSync(central.path("index.jsonl"), "")
  const unindexed = await index()
  expect(unindexed).toMatchObject({ state: "yellow", found: `1 stored file without a row: lab-1/${EPISODE}` })
  await mendIt(central.tools, unindexed)
  expect((await index()).state).toBe("green")
  fs.writeFileSync(central.path("index.jsonl.torn"), "")
  const torn = await index()
  expect(torn).toMatchObject({ state: "yellow", found: expect.stringMatching(/torn/) })
  await mendIt(central.tools, torn)
  expect((await index()).state).toBe("green")
  fs.appendFileSync(central.path("index.jsonl"), "no row\n")
  expect(await index()).toMatchObject({
    state: "yellow",
    found: expect.stringMatching(/1 line of the index is no row/)
  })

  // A later withdrawal takes a name back: its file may be gone.
  const row = JSON.parse(fs.readFileSync(central.path("index.jsonl"), "utf8").split("\n")[0] ?? "")
  fs.writeFileSync(
    central.path("index.jsonl"),
    `${JSON.stringify(row)}\n${JSON.stringify({ ...row, status: "withdrawn" })}\n`
  )
  fs.rmSync(stored)
  expect(await index()).toMatchObject({ state: "green", found: "0 rows and 0 stored files agree, 0 looked at" })

  central.tools.unit()
  fs.writeFileSync(stored, bytes)
  expect((await index()).mend).toMatch(
    /^sudo systemctl stop cis490-receiver && .*backfill.*; sudo systemctl start cis490-receiver$/
  )
})

test("the gate: Forgejo, its fallback, neither, off", async () => {
  using central = makeCentral()
  await using forgejo = await startFakeForgejo(central.path("code"))
  const gate = async (version_gate: Tables[string]) => {
    central.configure({ version_gate })
    return (await central.doctor()).of("gate")
  }
  const at = (url: string, owner = "lab") => ({ forgejo_url: url, repo_owner: owner, repo_name: "cis490" })
  expect(await gate(at(forgejo.url))).toMatchObject({
    state: "green",
    target: forgejo.url,
    found: expect.stringMatching(/^forgejo: 3 of/)
  })
  expect(await gate(at("http://127.0.0.1:1"))).toMatchObject({
    state: "yellow",
    found: expect.stringMatching(/^forgejo gives nothing .*on the fallback, git: 3 of/),
    mend: expect.stringMatching(/^curl -sS 'http:\/\/127\.0\.0\.1:1\/api\/v1\/repos\/lab\/cis490\/commits/)
  })
  expect(await gate({ ...at(forgejo.url, "nobody"), repo_path: central.path("store") })).toMatchObject({
    state: "red",
    mend: `sudoedit ${central.configFile}`
  })
  expect(await gate({ branch: "gone" })).toMatchObject({ state: "red", found: expect.stringMatching(/no branch gone/) })
  expect(await gate({ enabled: false })).toMatchObject({ state: "yellow", mend: `sudoedit ${central.configFile}` })
  const token = central.path("token")
  fs.writeFileSync(token, "hunter2", { mode: 0o600 })
  fs.chmodSync(central.home, 0o711)
  central.tools.unit({ User: "nobody" })
  expect(await gate({ ...at(forgejo.url), auth_token_file: token })).toMatchObject(closedToNobody(token))
  expect(await gate({ auth_token_file: token })).toMatchObject({ state: "green" })
  central.tools.unit()
  central.configure({ version_gate: at(forgejo.url) })
  await using stalled = await startFakeForgejo(central.path("code"), { play: () => "stall" })
  expect(await gate(at(stalled.url))).toMatchObject({
    state: "yellow",
    found: expect.stringMatching(/no commits within 5 s.*on the fallback/)
  })
})

test("what lies about: uploads left behind go with the mend, what was set aside waits for its host", async () => {
  using central = makeCentral()
  {
    await using _ = await central.start()
  }
  const left = central.path("incoming", `lab-1~${EPISODE}~abc.part`)
  fs.writeFileSync(left, "x")
  expect((await central.doctor()).of("incoming")).toMatchObject({ state: "green", found: "1 upload under way" })
  const old = Date.now() / 1000 - 7200
  fs.utimesSync(left, old, old)
  fs.mkdirSync(central.path("damaged/lab-1"), { recursive: true })
  fs.writeFileSync(central.path("damaged/lab-1", `${EPISODE}~1.tar.zst`), "x")
  const found = await central.doctor()
  expect(found.of("incoming")).toMatchObject({ state: "yellow", mend: "sudo systemctl restart cis490-receiver" })
  expect(found.of("damaged")).toMatchObject({
    state: "yellow",
    mend: `sudo cis490-shipper reship ${EPISODE}  # on lab-1`
  })
  {
    await using _ = await central.start()
  }
  expect((await central.doctor()).of("incoming").state).toBe("green")
  const uploads = central.path("incoming/uploads")
  fs.mkdirSync(uploads)
  const [open, beginning] = ["0".repeat(32), "1".repeat(32)]
  for (const name of [`${open}.json`, `${open}.part`, `${beginning}.part`]) fs.writeFileSync(`${uploads}/${name}`, "")
  expect((await central.doctor()).of("incoming")).toMatchObject({
    state: "green",
    found: "1 upload that may be resumed"
  })
  for (const name of [`${open}.part`, `${beginning}.part`]) fs.utimesSync(`${uploads}/${name}`, old, old)
  expect((await central.doctor()).of("incoming")).toMatchObject({
    state: "yellow",
    found: `1 upload left behind: uploads/${beginning}.part`
  })
  fs.rmSync(uploads, { recursive: true })
  fs.writeFileSync(central.path("incoming/a b"), "")
  expect((await central.doctor()).of("incoming")).toMatchObject({
    state: "yellow",
    mend: expect.stringMatching(/^sudo mkdir -p \S+\/strays && sudo mv .* -- '\S+incoming\/a b'$/)
  })
})

test("who may come in: an open address without a key, a token file that is not there, files of TLS", async () => {
  using central = makeCentral()
  central.configure({}, "0.0.0.0:1")
  expect((await central.doctor()).of("auth")).toMatchObject({ state: "red", mend: `sudoedit ${central.configFile}` })
  central.configure({ auth: { bearer_token: "hunter2" } }, "0.0.0.0:1")
  const keyed = await central.doctor()
  expect(keyed.of("auth")).toMatchObject({ state: "green", found: "a token for all hosts" })
  expect(keyed.of("health")).toMatchObject({ state: "red", found: expect.stringMatching(/ECONNREFUSED/) })
  const tokenFile = central.path("token")
  central.configure({ auth: { bearer_token_file: tokenFile } }, "0.0.0.0:1")
  expect((await central.doctor()).of("auth")).toMatchObject({ state: "red", mend: `sudoedit ${tokenFile}` })
  fs.writeFileSync(tokenFile, "hunter2")
  fs.chmodSync(central.home, 0o755)
  fs.chmodSync(central.configFile, 0o644)
  const under = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
  fs.chmodSync(tokenFile, 0)
  const closed = await central.doctor(process.getuid?.() === 0 ? { under } : {})
  expect(closed.of("auth")).toMatchObject({
    state: "red",
    found: expect.stringContaining("may not be read by this user"),
    mend: `sudo cis490-receiver doctor --config ${central.configFile}`
  })

  fs.chmodSync(tokenFile, 0o600)
  central.tools.unit({ User: "nobody" })
  expect((await central.doctor()).of("auth")).toMatchObject(closedToNobody(tokenFile))
  central.configure({ auth: { bearer_token: "hunter2", admin_token_file: tokenFile } }, "0.0.0.0:1")
  expect((await central.doctor()).of("auth")).toMatchObject(closedToNobody(tokenFile))
  central.tools.unit()

  const [cert, key, ca] = [join(PEM, "server.pem"), join(PEM, "client-new.key"), central.path("ca.pem")]
  const lists = join(PEM, "crl/until-2027-02-15.pem")
  central.configure({ tls: { cert, key, client_ca: ca, client_crl: lists } })
  const tls = async (options?: Options) => {
    const found = await central.doctor(options)
    return [cert, key, ca, lists].map((file) => found.of("tls", file).state)
  }
  const until = (time: number) => ({ ahead: time - Date.now() })
  expect(await tls(until(Date.UTC(2026, 11, 1)))).toEqual(["green", "red", "red", "green"])
  expect(await tls(until(Date.UTC(2027, 1, 14)))).toEqual(["green", "red", "red", "yellow"])
  expect(await tls(until(Date.UTC(2027, 1, 16)))).toEqual(["green", "red", "red", "red"])
})

test("a receiver that speaks TLS and wants to see certificates is asked at home, without one", async () => {
  using central = makeCentral()
  const [cert, key, client_ca] = ["server.pem", "server.key", "ca.pem"].map((name) => join(PEM, name))
  central.configure({ tls: { cert: cert ?? "", key: key ?? "", client_ca: client_ca ?? "" } })
  await using _ = await central.start()
  const found = await central.doctor()
  expect([found.unwell, found.of("auth").found]).toEqual([[], "certificates"])
})

test("hosts: quiet, two under one name, waiting, a quarantine near its deletion", async () => {
  using central = makeCentral()
  {
    await using _ = await central.start()
    const say = (host_id: string, words: object = {}) => central.ping({ host_id, instance_id: host_id, ...words })
    await say("lab-1")
    await say("lab-2")
    await say("lab-2", { instance_id: "another" })
    await say("lab-3", { waiting: 5, oldest_waiting_at: new Date(Date.now() - 2 * HOUR).toISOString() })
    await say("lab-4", { quarantined: 2 })
  }
  const hosts = async (ahead = 0) =>
    (await central.doctor({ ahead })).rows
      .filter(({ check }) => check === "hosts")
      .map(({ found, state, target }) => `${target === central.path("hosts") ? "all" : target} ${state}: ${found}`)
  expect(await hosts()).toEqual([
    "all green: 2 hosts seen within the hour",
    expect.stringMatching(/^lab-2 red: 2 machines/),
    expect.stringMatching(/^lab-3 yellow: 5 episodes waiting there, the oldest for 2 h/)
  ])
  const later = await hosts(24 * DAY)
  expect(later.filter((row) => row.startsWith("lab-4"))).toEqual([
    expect.stringMatching(/^lab-4 yellow: has said nothing for/),
    expect.stringMatching(/^lab-4 red: 2 episodes in quarantine there/)
  ])
})

test("a receiver that cannot store says why; one that hangs costs one row", async () => {
  using central = makeCentral()
  central.configure({ limits: { min_free_bytes: Number.MAX_SAFE_INTEGER } })
  {
    await using _ = await central.start()
    const full = await central.doctor()
    expect(full.of("health")).toMatchObject({
      state: "red",
      mend: expect.stringMatching(/^curl -sS --unix-socket .*r\.sock http:\/\/localhost\/v1\/health$/)
    })
    expect(full.rows.filter(({ check }) => check === "space").map(({ state }) => state)).toEqual(["red", "red"])
  }
  central.configure()
  fs.rmSync(central.path("r.sock"))
  const stalled = http.createServer(() => undefined)
  await new Promise<void>((resolve) => stalled.listen(central.path("r.sock"), resolve))
  central.tools.hangs("systemctl")
  const found = await central.doctor()
  expect(found.unwell.map(({ check, found }) => `${check} ${found}`)).toEqual([
    "health did not answer within 8 s",
    "service did not answer within 8 s"
  ])
  stalled.closeAllConnections()
  await new Promise((resolve) => stalled.close(resolve))
})

test("a bundle of the receiver: rows, hosts, what is stored, and no token", async () => {
  using central = makeCentral()
  central.configure({ auth: { bearer_token: "hunter2" } })
  const bundle = central.path("b.tar.zst")
  const ran = await central.run(["doctor", "--bundle", bundle])
  expect([ran.code, ran.stdout.includes("mend:")]).toEqual([1, true])
  const tar = execFileSync(process.execPath, [
    "-e",
    "process.stdout.write(require('node:zlib').zstdDecompressSync(require('node:fs').readFileSync(process.argv[1])))",
    bundle
  ])
  const names = execFileSync("tar", ["-t"], { input: tar, encoding: "utf8" }).trim().split("\n")
  for (const name of ["doctor.json", "config.json", "hosts.json", "store.txt", "incoming.txt", "versions.txt"]) {
    expect(
      names.some((path) => path.startsWith(`cis490-receiver-doctor/${name}`)),
      name
    ).toBe(true)
  }
  expect(tar.includes("hunter2")).toBe(false)
})
