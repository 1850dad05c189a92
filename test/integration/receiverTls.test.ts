/** Mutual TLS as it is on the wire: who gets in with which certificate, and what happens when files are renewed. */
import { rmSync } from "node:fs"
import * as https from "node:https"
import * as net from "node:net"
import { join } from "node:path"
import * as tls from "node:tls"
import { expect, test } from "vitest"
import { type Credential, install, makeAuthority, type Wish } from "../support/certificates.ts"
import { EPISODE, makeEpisode, PATH, putOf } from "../support/episode.ts"
import { type Options, startReceiver, TOKENS, temporaryDirectory, tokens } from "../support/receiver.ts"
import { sendSecurely, type Trust } from "../support/secureWire.ts"
import { jsonOf, type Request, until } from "../support/wire.ts"

const lab = makeAuthority("lab")
const stranger = makeAuthority("lab")
const server = lab.server()
const DAY = 86_400_000

const put = putOf(makeEpisode().tarball)
const head: Request = { method: "HEAD", path: PATH }
const pingBody = JSON.stringify({ host_id: "lab-1" })
const ping: Request = {
  method: "POST",
  path: "/v1/ping",
  body: pingBody,
  headers: { "content-length": pingBody.length }
}
const health: Request = { method: "GET", path: "/v1/health" }

/** A receiver with mutual TLS, and the files it follows. */
const start = async (options: Options = {}) => {
  const directory = temporaryDirectory()
  const files = {
    cert: install(join(directory, "server.pem"), server.cert),
    key: install(join(directory, "server.key"), server.key),
    client_ca: install(join(directory, "ca.pem"), lab.cert),
    client_crl: install(join(directory, "crl.pem"), lab.list([]))
  }
  const receiver = await startReceiver({ tls: files, connections: { certificates: true }, ...options })
  const as = (credential: Partial<Credential>, request: Request, agent?: https.Agent) =>
    sendSecurely(receiver.port, { ca: lab.cert, ...credential }, request, agent === undefined ? {} : { agent })
  const warnings = () => receiver.logs.filter(({ level }) => level !== "Info").map(({ message }) => message)
  const end = async () => {
    await receiver[Symbol.asyncDispose]()
    rmSync(directory, { recursive: true })
  }
  return { ...receiver, as, files, warnings, [Symbol.asyncDispose]: end }
}

const statusesAs = async (receiver: Awaited<ReturnType<typeof start>>, credential: Partial<Credential>) => {
  const statuses = []
  for (const request of [put, head, ping]) statuses.push((await receiver.as(credential, request)).status)
  return statuses
}

test("the certificate's host gets in, nobody does without one, and health asks for none", async () => {
  await using receiver = await start()
  expect((await receiver.as({}, health)).status).toBe(200)
  expect(await statusesAs(receiver, {})).toEqual([401, 401, 401])
  expect(receiver.dataset.arrivals).toEqual([])
  expect(await statusesAs(receiver, lab.issue({ cn: "lab-1", dns: ["lab-1"] }))).toEqual([201, 200, 200])
  expect(await statusesAs(receiver, lab.issue({ cn: "lab-2", dns: ["lab-2"] }))).toEqual([403, 403, 403])
  const refusal = await receiver.as({}, put)
  expect(jsonOf(refusal)).toMatchObject({
    type: "urn:cis490:problem:unauthenticated",
    remediation: expect.stringContaining("client_cert")
  })
  expect(receiver.logs.at(-1)).toMatchObject({
    level: "Warn",
    message: "refused: no client certificate was shown",
    annotations: { host: "lab-1", episode: EPISODE, from: "127.0.0.1", status: 401 }
  })
})

const untrusted: Readonly<Record<string, readonly [Credential, words: string]>> = {
  expired: [lab.issue({ cn: "lab-1", from: -2 * DAY, until: -DAY }), "has expired"],
  "not valid yet": [lab.issue({ cn: "lab-1", from: DAY, until: 2 * DAY }), "not valid yet"],
  "of another authority of the same name": [
    stranger.issue({ cn: "lab-1" }),
    "an authority that the receiver does not know"
  ],
  "for a server": [lab.issue({ cn: "lab-1", use: "server" }), "not one for clients"],
  "of nobody": [lab.issue({}), "names no host_id"]
}

test.each(Object.entries(untrusted))("a certificate that is %s is refused in words", async (_, [credential, words]) => {
  await using receiver = await start()
  for (const request of [put, ping]) {
    const answer = await receiver.as(credential, request)
    expect(answer.status).toBe(403)
    expect(jsonOf(answer)).toMatchObject({
      type: "urn:cis490:problem:certificate-refused",
      error: expect.stringContaining(words),
      remediation: expect.any(String)
    })
  }
  expect(receiver.dataset.arrivals).toEqual([])
  expect(receiver.leftBehind()).toEqual([])
})

const names: ReadonlyArray<readonly [what: string, Wish, status: number]> = [
  ["a CN alone", { cn: "lab-1" }, 200],
  ["a SAN alone", { dns: ["lab-1"] }, 200],
  ["one SAN of several", { cn: "x", dns: ["lab-2", "lab-1"] }, 200],
  ["a CN beside a SAN that is no DNS name", { cn: "lab-1", other: [{ rfc822Name: "a@b" }] }, 200],
  ["a CN beside another SAN", { cn: "lab-1", dns: ["lab-2"] }, 403],
  ["a CN beside a SAN that is no host_id", { cn: "lab-1", dns: ["*"] }, 403],
  ["a SAN in upper case", { dns: ["LAB-1"] }, 403],
  ["a CN in upper case", { cn: "Lab-1" }, 403],
  ["a wildcard", { dns: ["*.lab-1", "*", "lab-*"] }, 403],
  ["a longer name", { dns: ["lab-1.evil"] }, 403],
  ["a dot at the end", { dns: ["lab-1."] }, 403],
  ["a NUL in a SAN", { dns: ["lab-1\0.evil"] }, 403],
  ["a NUL in a CN", { cn: "lab-1\0.evil" }, 403],
  ["a second name within a SAN", { dns: ["evil, DNS:lab-1"] }, 403],
  ["a name within another kind of SAN", { dns: ["evil"], other: [{ rfc822Name: "x, DNS:lab-1" }] }, 403],
  ["quotes in a SAN", { dns: ['evil", DNS:lab-1, DNS:"'] }, 403],
  ["a line within a CN", { cn: "evil\nCN=lab-1" }, 403],
  ["two CNs", { cn: ["lab-1", "lab-2"] }, 403],
  ["a CN that looks alike", { cn: "l\u0430b-1" }, 403],
  ["spaces around a CN", { cn: " lab-1 " }, 403],
  ["an address", { other: [{ iPAddress: "127.0.0.1" }] }, 403]
]

test.each(names)("odd names: %s", async (_, wish, status) => {
  await using receiver = await start()
  expect((await receiver.as(lab.issue(wish), ping)).status).toBe(status)
})

test("where tokens are asked for too, both are needed and mean the same host", async () => {
  await using receiver = await start({ tokens })
  const [one, other] = ["lab-1", "lab-2"].map((cn) => lab.issue({ cn }))
  const answer = async (credential: Partial<Credential> | undefined, token: string | undefined) => {
    const headers = { ...ping.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
    return (await receiver.as(credential ?? {}, { ...ping, headers })).status
  }
  expect(await answer(one, TOKENS.host)).toBe(200)
  expect(await answer(one, TOKENS.shared)).toBe(200)
  expect(await answer(one, undefined)).toBe(401)
  expect(await answer(undefined, TOKENS.host)).toBe(401)
  expect(await answer(undefined, TOKENS.shared)).toBe(401)
  expect(await answer(one, TOKENS.otherHost)).toBe(403)
  expect(await answer(other, TOKENS.host)).toBe(403)
  expect(await answer(other, TOKENS.otherHost)).toBe(403)
  expect(await answer(other, TOKENS.shared)).toBe(403)
})

/** An upload of which all but the last byte is out. */
const beginUpload = async (port: number, { ca, cert, key }: Trust) => {
  const socket = tls.connect({ host: "localhost", port, servername: "localhost", ca, cert, key })
  let answer = ""
  socket.on("data", (bytes: Buffer) => {
    answer += bytes.toString()
  })
  const closed = new Promise((resolve) => socket.once("close", resolve))
  const body = Buffer.from(put.body ?? "")
  const fields = Object.entries(put.headers ?? {}).map(([name, value]) => `${name}: ${value}`)
  socket.write([`PUT ${PATH} HTTP/1.1`, "host: localhost", ...fields, "", ""].join("\r\n"))
  socket.write(body.subarray(0, -1))
  return {
    finish: async () => {
      socket.write(body.subarray(-1))
      await closed
      return answer
    }
  }
}

test("renewed files are used for the next connection, and an upload in their midst is stored", async () => {
  await using receiver = await start()
  const credential = lab.issue({ cn: "lab-1" })
  const upload = await beginUpload(receiver.port, { ca: lab.cert, ...credential })
  await until(() => receiver.leftBehind().length === 1)
  const next = lab.server()
  // One after the other: in between, the key is another certificate's.
  install(receiver.files.key, next.key)
  expect((await receiver.as(credential, ping)).serial).toBe(server.serial)
  expect((await receiver.as(credential, ping)).serial).toBe(server.serial)
  install(receiver.files.cert, next.cert)
  expect(await receiver.as(credential, ping)).toMatchObject({ status: 200, serial: next.serial })
  const answer = await upload.finish()
  expect(answer).toMatch(/^HTTP\/1\.1 201 /)
  expect(answer.toLowerCase()).toContain("\r\nconnection: close\r\n")
  expect(receiver.warnings()).toEqual([expect.stringContaining(`${receiver.files.key} does not belong to`)])
  expect(receiver.logs.filter(({ message }) => message.includes("in use for new"))).toHaveLength(1)
})

test("what is broken or gone keeps the old in place, said once, and so it is when it is mended", async () => {
  await using receiver = await start()
  const credential = lab.issue({ cn: "lab-1" })
  const said = async (path: string, content: string) => {
    const before = receiver.logs.length
    for (let i = 0; i < 2; i++) {
      install(path, content)
      expect(await receiver.as(credential, ping)).toMatchObject({ status: 200, serial: server.serial })
      expect((await receiver.as({}, ping)).status).toBe(401)
    }
    return receiver.logs.slice(before).filter(({ message }) => message.includes("TLS"))
  }
  for (const [path, good] of [
    [receiver.files.cert, server.cert],
    [receiver.files.key, server.key],
    [receiver.files.client_ca, lab.cert],
    [receiver.files.client_crl, lab.list([])]
  ] as const) {
    expect(await said(path, "nonsense")).toEqual([
      expect.objectContaining({ level: "Error", message: expect.stringContaining(path) })
    ])
    expect(await said(path, good)).toEqual([expect.objectContaining({ level: "Info" })])
  }
})

test("a certificate that is revoked is refused, on connections that are open too", async () => {
  await using receiver = await start()
  const [bad, good] = ["lab-1", "lab-1"].map((cn) => lab.issue({ cn })) as [Credential, Credential]
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
  expect((await receiver.as(bad, ping, agent)).status).toBe(200)
  install(receiver.files.client_crl, lab.list([bad]))
  // The connection is the old one: it is told to come again, and ends.
  const stale = await receiver.as(bad, ping, agent)
  expect(stale).toMatchObject({ status: 503, headers: { connection: "close", "retry-after": "1" } })
  const answers = [await receiver.as(bad, ping, agent), await receiver.as(bad, put)]
  for (const answer of answers) {
    expect(answer.status).toBe(403)
    expect(jsonOf(answer)).toMatchObject({ error: "this client certificate has been revoked" })
  }
  expect((await receiver.as(good, ping)).status).toBe(200)
  agent.destroy()
})

test("so is one whose handshake had begun before", async () => {
  await using receiver = await start()
  const [bad, good] = ["lab-1", "lab-1"].map((cn) => lab.issue({ cn })) as [Credential, Credential]
  const socket = net.connect({ host: "127.0.0.1", port: receiver.port })
  await new Promise((resolve) => socket.once("connect", resolve))
  // The first answer on another connection says that this one was seen.
  expect((await receiver.as(good, ping)).status).toBe(200)
  install(receiver.files.client_crl, lab.list([bad]))
  expect((await receiver.as(good, ping)).status).toBe(200)
  const createConnection = () => tls.connect({ socket, servername: "localhost", ca: lab.cert, ...bad })
  const answer = await receiver.as(bad, ping, Object.assign(new https.Agent({ keepAlive: true }), { createConnection }))
  expect(answer).toMatchObject({ status: 503, headers: { connection: "close" } })
})

/** Less than what an idle connection lasts by itself. */
const SOON = 20_000

test(
  "an authority that is replaced vouches for nobody any more, and idle connections end",
  async () => {
    await using receiver = await start()
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
    const ended = new Promise((resolve) => agent.on("free", (socket) => socket.once("close", resolve)))
    expect((await receiver.as(lab.issue({ cn: "lab-1" }), ping, agent)).status).toBe(200)
    install(receiver.files.client_crl, stranger.list([]))
    install(receiver.files.client_ca, stranger.cert)
    expect((await receiver.as(stranger.issue({ cn: "lab-1" }), ping)).status).toBe(200)
    await ended
    expect((await receiver.as(lab.issue({ cn: "lab-1" }), ping)).status).toBe(403)
    agent.destroy()
  },
  SOON
)

test("a list that has expired, or is of another authority, lets nobody in and says so", async () => {
  await using receiver = await start()
  const credential = lab.issue({ cn: "lab-1" })
  for (const [list, words] of [
    [lab.list([], -DAY / 2), "list has expired"],
    [stranger.list([]), "no revocation list of this client certificate's authority"]
  ] as const) {
    install(receiver.files.client_crl, list)
    const answer = await receiver.as(credential, ping)
    expect(answer.status).toBe(403)
    expect(jsonOf(answer)).toMatchObject({ error: expect.stringContaining(words) })
  }
})

/** The second of two connections, the first of which left its session. */
const resumed = async (port: number, options: tls.ConnectionOptions) => {
  const open = (session?: Buffer) =>
    new Promise<tls.TLSSocket>((resolve, reject) => {
      const socket = tls.connect({ port, host: "localhost", ca: lab.cert, ...options, ...(session && { session }) })
      socket.once("error", reject)
      socket.once("secureConnect", () => resolve(socket))
    })
  const first = await open()
  let session = first.getSession()
  first.on("session", (ticket) => {
    session = Buffer.from(ticket)
  })
  const answered = new Promise((resolve) => first.once("data", resolve))
  first.write("GET /v1/health HTTP/1.1\r\nhost: x\r\n\r\n")
  await answered
  first.destroy()
  const second = await open(session)
  const reused = second.isSessionReused()
  second.destroy()
  return reused
}

test.each(["TLSv1.2", "TLSv1.3"] as const)("%s: no session is taken up again", async (version) => {
  await using receiver = await start()
  const { cert, key } = lab.issue({ cn: "lab-1" })
  expect(await resumed(receiver.port, { minVersion: version, maxVersion: version, cert, key })).toBe(false)
})

/** What a handshake comes to that should fail. */
const failed = (port: number, options: tls.ConnectionOptions) =>
  new Promise<string>((resolve, reject) => {
    const socket = tls.connect({ port, host: "localhost", ca: lab.cert, ...options })
    socket.once("secureConnect", () => reject(new Error("it went well")))
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"))
  })

test("what is no TLS of today is turned away with one line in the log, and others are served", async () => {
  await using receiver = await start()
  const credential = lab.issue({ cn: "lab-1" })
  const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const
  expect(await failed(receiver.port, old)).toContain("ALERT_PROTOCOL_VERSION")
  const nonsense = async (bytes: string) => {
    const socket = net.connect({ port: receiver.port, host: "127.0.0.1" })
    socket.on("error", () => undefined)
    socket.resume()
    socket.end(bytes)
    await new Promise((resolve) => socket.once("close", resolve))
  }
  await nonsense("GET /v1/health HTTP/1.1\r\nhost: x\r\n\r\n")
  await nonsense("\x16\x03\x01\xff\xffnonsense")
  await nonsense("")
  expect((await receiver.as(credential, put)).status).toBe(201)
  expect(receiver.logs.filter(({ message }) => message.startsWith("no TLS"))).toEqual([
    {
      level: "Warn",
      message: "no TLS with a client: the client offers no version of TLS that is good enough; it takes 1.2 or later",
      annotations: { from: "127.0.0.1" }
    }
  ])
})

/** Less than what a request under way is waited for. */
const AT_ONCE = 9_000

test(
  "a handshake that does not come on does not hold up the end",
  async () => {
    await using receiver = await start()
    const socket = net.connect({ host: "127.0.0.1", port: receiver.port })
    await new Promise((resolve) => socket.once("connect", resolve))
    // The answer on another connection says that this one was seen.
    expect((await receiver.as({}, health)).status).toBe(200)
  },
  AT_ONCE
)
