/** Other people's clients, and other people's proxies in front: ping, a store, the same again, a conflict, and an early refusal. */
import { spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Issued, makeAuthority } from "../support/authority.ts"
import { makeRepository } from "../support/gitRepository.ts"
import { startCaddy, startNginx } from "../support/proxies.ts"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { counts, makeBox, RECORDED } from "../support/shipperBox.ts"
import { directory, file, tarOf, zstd } from "../support/tarball.ts"
import { bash, needTools, printed } from "../support/tools.ts"
import { reprDigestOf } from "../support/wire.ts"

const MIB = 1024 * 1024
const HOST = "lab-1"
const TOKEN = "token-of-lab-1"
const OLD_COMMIT = "a".repeat(40)

/** Debian's: another Python on the PATH does not have its packages. */
const PYTHON = "/usr/bin/python3"
needTools("openssl", "git", "curl", "caddy", "nginx")
if (spawnSync(PYTHON, ["-c", "import httpx"]).status !== 0) {
  throw new Error("these tests need Debian's httpx: apt-get install python3-httpx")
}
const home = fs.mkdtempSync(join(tmpdir(), "cis490-peers-"))
fs.mkdirSync(join(home, "code"))
const code = makeRepository(join(home, "code"))
code.add(3)
const [COMMIT = ""] = code.log()
const lab = makeAuthority(home, "lab")
const server = lab.issue({ subject: "/CN=localhost", names: "DNS:localhost,IP:127.0.0.1" })
const client = lab.issue({ subject: `/CN=${HOST}`, names: `DNS:${HOST}` })
afterAll(() => fs.rmSync(home, { recursive: true, force: true }))

/** A way to a receiver, and what it takes to get in. */
interface Way {
  readonly url: string
  readonly ca?: string
  readonly client?: Issued
  readonly token?: string
  /** What is in front reads no more once the answer is there, and closes half a second later: a busy client may miss it. */
  readonly cuts?: boolean
  readonly store: () => ReadonlyArray<string>
  readonly close: () => Promise<void>
}

const gate = { enabled: true, repo_path: code.path, window: 10 }
type BoxOptions = Parameters<typeof makeReceiverBox>

const startBox = async (...options: BoxOptions) => {
  const box = makeReceiverBox(...options)
  const receiver = await box.start()
  const close = async () => {
    await receiver.stop("SIGTERM")
    box[Symbol.dispose]()
  }
  return { receiver, store: box.store, close }
}

const behind = async (name: string, startProxy: typeof startCaddy): Promise<Way> => {
  const place = fs.mkdtempSync(join(home, name))
  const socket = join(place, "http.sock")
  const proxied = { version_gate: gate, proxy: { identity_header: "X-Cis490-Client" } }
  const { close, store } = await startBox(proxied, undefined, `unix:${socket}`)
  const proxy = await startProxy({ directory: place, socket, server, clientAuthority: lab.cert })
  return {
    url: `https://localhost:${proxy.port}`,
    ca: lab.cert,
    client,
    store,
    close: async () => {
      await proxy.stop()
      await close()
    }
  }
}

const ways: Readonly<Record<string, () => Promise<Way>>> = {
  "plain HTTP with a token": async () => {
    const { close, receiver, store } = await startBox({ version_gate: gate, "auth.hosts": { [HOST]: TOKEN } })
    return { url: receiver.url, token: TOKEN, store, close }
  },
  "the receiver's own TLS": async () => {
    const tls = { cert: server.cert, key: server.key, client_ca: lab.cert }
    const { close, receiver, store } = await startBox({ version_gate: gate, tls })
    return { url: receiver.url, ca: lab.cert, client, store, close }
  },
  "Caddy in front": async () => ({ ...(await behind("caddy", startCaddy)), cuts: true }),
  "nginx in front": () => behind("nginx", startNginx)
}

interface Request {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Of the body. */
  readonly file?: string
}

interface Answer {
  /** 0: none came. */
  readonly status: number
  readonly body: string
  /** As the client names it. */
  readonly version: string
}

type Client = (way: Way, request: Request) => Promise<Answer>

const curl =
  (...options: ReadonlyArray<string>): Client =>
  async ({ ca, client, url }, { body, file: from, headers, method, path }) => {
    const args = [
      "--silent",
      "--show-error",
      "--path-as-is",
      "--max-time",
      "60",
      ...options,
      "-X",
      method,
      ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
      ...(ca === undefined ? [] : ["--cacert", ca]),
      ...(client === undefined ? [] : ["--cert", client.cert, "--key", client.key]),
      ...(from === undefined ? ["--data-binary", body ?? ""] : ["-T", from]),
      "-w",
      "\n%{http_code} %{http_version}",
      `${url}${path}`
    ]
    const { code: ended, stderr, stdout } = await bash(home, 'curl "$@"', ...args)
    const [, said = "", status = "0", version = ""] = /^([\s\S]*)\n(\d{3}) (\S+)$/.exec(stdout) ?? []
    return ended === 0
      ? { status: Number(status), body: said, version }
      : { status: 0, body: `${stderr}${said}`, version }
  }

const PEER = join(import.meta.dirname, "../support/peer.py")
const httpx: Client = async ({ ca, client, url }, { path, ...request }) => {
  const plan = { ca, ...client, requests: [{ ...request, url: `${url}${path}` }] }
  return JSON.parse(await printed(home, '"$1" "$2" "$3"', PYTHON, PEER, JSON.stringify(plan)))
}

const clients: Readonly<Record<string, Client>> = {
  "curl with HTTP/1.1": curl("--http1.1"),
  "curl with HTTP/2 offered": curl("--http2"),
  "curl that waits for 100 Continue": curl("--http1.1", "-H", "Expect: 100-continue"),
  "curl that does not": curl("--http1.1", "-H", "Expect:"),
  "Python's httpx": httpx
}

const tarballOf = (id: string, events: string): Uint8Array => {
  const meta = JSON.stringify({ code_version: { commit: COMMIT } })
  const members = [file(`${id}/done.marker`), file(`${id}/meta.json`, meta), file(`${id}/events.jsonl`, events)]
  return zstd(tarOf(directory(id), ...members))
}

let files = 0
const upload = (way: Way, id: string, body: Uint8Array, over: Record<string, string> = {}, hostId = HOST): Request => {
  const path = join(home, `body-${files++}`)
  fs.writeFileSync(path, body)
  const headers = {
    "Content-Length": String(body.length),
    "Repr-Digest": reprDigestOf(body),
    "X-Cis490-Code-Commit": COMMIT,
    ...(way.token !== undefined && { Authorization: `Bearer ${way.token}` }),
    ...over
  }
  return { method: "PUT", path: `/v1/episodes/${hostId}/${id}`, headers, file: path }
}

const LARGE = Buffer.alloc(48 * MIB, "x")

describe.each(Object.entries(ways))("%s", (_, startWay) => {
  let way: Way
  beforeAll(async () => {
    way = await startWay()
  })
  afterAll(async () => way.close())

  describe.each(Object.entries(clients))("%s", (name, ask) => {
    const id = name.replaceAll(/[^A-Za-z0-9]+/g, "-")
    const authorised = () => ({ ...(way.token !== undefined && { Authorization: `Bearer ${way.token}` }) })

    test("ping", async () => {
      const body = JSON.stringify({ host_id: HOST, commit: COMMIT })
      const headers = { "Content-Type": "application/json", ...authorised() }
      const answer = await ask(way, { method: "POST", path: "/v1/ping", headers, body })
      expect(answer.status, answer.body).toBe(200)
      expect(JSON.parse(answer.body)).toMatchObject({
        ok: true,
        host_id: HOST,
        commit_allowed: true,
        head_commit: COMMIT
      })
    })

    test("a store, the same again, a conflict", async () => {
      const first = await ask(way, upload(way, id, tarballOf(id, "one")))
      expect(first.status, first.body).toBe(201)
      expect(JSON.parse(first.body)).toMatchObject({ status: "stored", host_id: HOST, episode_id: id })
      expect(way.store()).toContain(`${HOST}/${id}.tar.zst`)
      const again = await ask(way, upload(way, id, tarballOf(id, "one")))
      expect([again.status, JSON.parse(again.body).status]).toEqual([200, "already_present"])
      const other = await ask(way, upload(way, id, tarballOf(id, "two")))
      expect([other.status, JSON.parse(other.body).error], other.body).toEqual([
        409,
        expect.stringContaining("other content")
      ])
    })

    test("48 MiB that are refused before they are read: the client gets the answer", async () => {
      const isTold = (answer: Answer, status: number, members: object): void => {
        if (answer.status === 0 && way.cuts === true) return
        expect(answer.status, answer.body).toBe(status)
        expect(JSON.parse(answer.body)).toMatchObject(members)
      }
      const old = await ask(way, upload(way, "refused", LARGE, { "X-Cis490-Code-Commit": OLD_COMMIT }))
      isTold(old, 412, { your_commit: OLD_COMMIT, head_commit: COMMIT })
      const strange = await ask(way, upload(way, "refused", LARGE, {}, "lab-2"))
      isTold(strange, 403, { error: expect.stringContaining("lab-2") })
      expect(way.store()).not.toContain(`${HOST}/refused.tar.zst`)
    })

    test("names come to the receiver as they were sent", async () => {
      for (const path of ["/v1/episodes/lab-1/%2e%2e", "/v1/episodes/lab-1/a%2Fb", "/v1/episodes/lab-1/%252e"]) {
        const answer = await ask(way, { ...upload(way, "x", tarballOf("x", "")), path })
        // In capitals where a client has its own way of writing them.
        const said = String(JSON.parse(answer.body).error).toLowerCase()
        expect([answer.status, said]).toEqual([400, `"${path.split("/")[4]}" is no episode_id`.toLowerCase()])
      }
    })
  })

  test("an identity that a client gives itself is worth nothing", async () => {
    const body = tarballOf("spoofed", "x")
    const as = (over: Partial<Way>, host: string) =>
      curl("--http1.1")({ ...way, ...over }, upload(way, "spoofed", body, { "X-Cis490-Client": host }, host))
    const other = await as({}, "lab-2")
    expect(other.status, other.body).toBe(403)
    if (way.client === undefined) return
    // `client: undefined` would be a client without a certificate.
    const { client: _, ...nobody } = way
    const none = await curl("--http1.1")(nobody, upload(way, "spoofed", body, { "X-Cis490-Client": HOST }))
    expect([none.status, JSON.parse(none.body).error], none.body).toEqual([401, expect.stringMatching(/certificate/)])
  })

  test("our own shipper: ping, a store, a conflict, an early refusal", async () => {
    using box = makeBox(way.url)
    const receiver = {
      url: way.url,
      ...(way.ca !== undefined && { ca_bundle: way.ca }),
      ...(way.client !== undefined && { client_cert: way.client.cert, client_key: way.client.key }),
      ...(way.token !== undefined && { bearer_token: way.token })
    }
    box.configure({ receiver, code: { repo_path: code.path } }, `host_id = "${HOST}"`)
    const ping = await box.run(["ping", "--json"])
    expect([ping.code, JSON.parse(ping.stdout)], ping.stderr).toEqual([0, expect.objectContaining({ ok: true })])

    const madeBy = (commit: string) => ({ ...RECORDED, "meta.json": JSON.stringify({ code_version: { commit } }) })
    box.episode("SHIPPED", madeBy(COMMIT))
    box.episode("Python-s-httpx", madeBy(COMMIT))
    box.episode("OLD", { ...madeBy(OLD_COMMIT), "random.bin": randomBytes(24 * MIB) })
    const first = await box.once()
    if (way.cuts === true) while (box.exists("episodes/OLD")) await box.once()
    else expect(first.counts, first.stderr).toEqual(counts({ scanned: 3, shipped: 1, conflicts: 1, fatal: 1 }))
    expect(box.exists("shipped/SHIPPED") && box.exists("outbox/Python-s-httpx.conflict.json")).toBe(true)
    expect(box.json("quarantine/OLD/quarantine_reason.json")).toMatchObject({
      status_code: 412,
      reason: "out_of_window"
    })
  })
})

describe("HTTP/2", () => {
  test.each([
    ["Caddy in front", "2"],
    ["nginx in front", "2"],
    ["the receiver's own TLS", "1.1"],
    ["plain HTTP with a token", "1.1"]
  ])("%s: who offers it speaks %s", async (name, version) => {
    const way = await (ways[name] ?? expect.fail(name))()
    try {
      const answer = await curl("--http2")(way, { method: "GET", path: "/v1/health", headers: {} })
      expect([answer.status, answer.version]).toEqual([200, version])
    } finally {
      await way.close()
    }
  })
})
