import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import * as fs from "node:fs/promises"
import * as http from "node:http"
import * as https from "node:https"
import * as net from "node:net"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServer } from "effect/http/HttpServer"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { layerHttpServer } from "../../layers/HttpServer.ts"
import type { ListenTls } from "../../src/services/Listener.ts"
import { Peer } from "../../src/services/Peer.ts"
import { exchange } from "../support/rawHttp.ts"
import { scratchDirectory } from "../support/scratch.ts"

const MiB = 1024 * 1024

const refusal = HttpServerResponse.jsonUnsafe({ error: "refused" }, { status: 412 })
const routes = Layer.mergeAll(
  HttpRouter.add("PUT", "/early", Effect.succeed(refusal)),
  HttpRouter.add("PUT", "/empty", Effect.succeed(HttpServerResponse.empty({ status: 401 }))),
  HttpRouter.add(
    "PUT",
    "/midway",
    Effect.gen(function* () {
      const request = yield* HttpServerRequest
      yield* request.stream.pipe(Stream.take(2), Stream.runDrain)
      return refusal
    })
  ),
  HttpRouter.add(
    "PUT",
    "/whole",
    Effect.gen(function* () {
      const request = yield* HttpServerRequest
      yield* Stream.runDrain(request.stream)
      return HttpServerResponse.jsonUnsafe({ status: "stored" }, { status: 201 })
    })
  ),
  HttpRouter.add(
    "GET",
    "/endless",
    Effect.succeed(
      HttpServerResponse.stream(Stream.concat(Stream.make(new TextEncoder().encode("begun")), Stream.never))
    )
  )
)

const pem = (name: string): string => new URL(`../support/pem/${name}`, import.meta.url).pathname
const tlsFiles: ListenTls = { cert: pem("server.pem"), key: pem("server.key") }
const wires: Readonly<Record<string, { readonly tls: ListenTls | undefined; readonly ca: string | undefined }>> = {
  plain: { tls: undefined, ca: undefined },
  "over TLS": { tls: tlsFiles, ca: readFileSync(pem("ca.pem"), "utf8") }
}

/** The port of a server that lingers as said. */
const serving = Effect.fnUntraced(function* (
  linger: { readonly bytes: number; readonly millis: number },
  tls?: ListenTls
) {
  const server = yield* Layer.build(
    HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
      Layer.provideMerge(layerHttpServer({ listen: "127.0.0.1:0", linger, tls })),
      Layer.provide(NodeHttpServer.layerHttpServices)
    )
  )
  const { address } = yield* Effect.provide(HttpServer, server)
  if (!("port" in address)) throw new Error("not a TCP address")
  return Number(address.port)
})

const patient = { bytes: 64 * MiB, millis: 60_000 }
const put = (path: string, length: number, ...headers: ReadonlyArray<string>) => [
  `PUT ${path} HTTP/1.1`,
  "host: test",
  `content-length: ${length}`,
  ...headers
]

describe.each(Object.entries(wires))("HttpServer, lingering close, %s", (_, { ca, tls }) => {
  for (const path of ["/early", "/empty", "/midway", "/nowhere"]) {
    it.live(`${path}: who sends 32 MiB before looking up gets the answer`, () =>
      Effect.gen(function* () {
        const port = yield* serving(patient, tls)
        const size = 32 * MiB
        const { answer, sent, end } = yield* exchange(port, {
          ca,
          head: put(path, size),
          body: size,
          writesFirst: true
        })
        expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /)
        expect(answer.toLowerCase()).toContain("\r\nconnection: close\r\n")
        expect({ sent, end }).toEqual({ sent: size, end: "closed" })
      })
    )
  }

  it.live("says close also when little of the body is left", () =>
    Effect.gen(function* () {
      const port = yield* serving(patient, tls)
      const { answer, end } = yield* exchange(port, { ca, head: put("/early", 1000), body: 1000 })
      expect(answer.toLowerCase()).toContain("\r\nconnection: close\r\n")
      expect(end).toBe("closed")
    })
  )

  it.live("cuts who never stops at the limit of bytes, the answer long since there", () =>
    Effect.gen(function* () {
      const port = yield* serving(patient, tls)
      const { answer, sent, end } = yield* exchange(port, { ca, head: put("/early", 1024 * MiB), body: 1024 * MiB })
      expect(answer).toContain('{"error":"refused"}')
      expect(end).toBe("cut")
      expect(sent).toBeGreaterThan(64 * MiB)
      expect(sent).toBeLessThan(128 * MiB)
    })
  )

  it.live("cuts who crawls at the limit of time", () =>
    Effect.gen(function* () {
      const port = yield* serving({ bytes: 64 * MiB, millis: 50 }, tls)
      const { answer, end } = yield* exchange(port, { ca, head: put("/early", 64 * MiB), body: 1000, crawls: true })
      expect(answer).toContain('{"error":"refused"}')
      expect(end).toBe("cut")
    })
  )

  it.live("lets no body come for a refusal when the client waits for 100 Continue", () =>
    Effect.gen(function* () {
      const port = yield* serving(patient, tls)
      const { answer } = yield* exchange(port, { ca, head: put("/early", 5 * MiB, "expect: 100-continue") })
      expect(answer).toMatch(/^HTTP\/1\.1 412 /)
      expect(answer.toLowerCase()).toContain("\r\nconnection: close\r\n")
    })
  )

  it.live("keeps the connection when the body was read whole", () =>
    Effect.gen(function* () {
      const port = yield* serving(patient, tls)
      const head = [
        ...put("/whole", 5),
        "",
        "12345PUT /whole HTTP/1.1",
        "host: test",
        "connection: close",
        "content-length: 0"
      ]
      const { answer } = yield* exchange(port, { ca, head })
      expect(answer.match(/HTTP\/1\.1 201 /g)).toHaveLength(2)
    })
  )

  it.live("answers 100 Continue to who reads", () =>
    Effect.gen(function* () {
      const port = yield* serving(patient, tls)
      const head = put("/whole", 1000, "expect: 100-continue", "connection: close")
      const { answer } = yield* exchange(port, { ca, head, body: 1000 })
      expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /)
    })
  )
})

describe("HttpServer, what is no request", () => {
  interface Case {
    readonly head: ReadonlyArray<string>
    readonly status: number
    readonly says?: Readonly<Record<string, unknown>>
  }
  const malformed = (line: string, error: RegExp, remediation: RegExp): Case => ({
    head: ["PUT /early HTTP/1.1", "host: test", line],
    status: 400,
    says: { error: expect.stringMatching(error), remediation: expect.stringMatching(remediation) }
  })
  const length = (line: string) => malformed(line, /^the Content-Length header/, /one Content-Length/)
  const cases: Readonly<Record<string, Case>> = {
    "not HTTP": {
      head: ["good morning"],
      status: 400,
      says: { error: expect.stringMatching(/not a well-formed HTTP request/), remediation: expect.any(String) }
    },
    "a length that is no number": length("content-length: abc"),
    "a length that is negative": length("content-length: -1"),
    "two lengths": length("content-length: 1\r\ncontent-length: 2"),
    "a length and chunks": malformed(
      "content-length: 1\r\ntransfer-encoding: chunked",
      /^the Transfer-Encoding header/,
      /send Content-Length/
    ),
    "a header that is none": malformed("x y: 1", /not a well-formed HTTP request: Invalid header token/, /HTTP\/1\.1/),
    "headers over 16 KiB": { head: ["GET / HTTP/1.1", "host: test", `x: ${"x".repeat(17_000)}`], status: 431 }
  }
  for (const [what, { head, says, status }] of Object.entries(cases)) {
    it.live(`answers ${what} with ${status} and closes`, () =>
      Effect.gen(function* () {
        const port = yield* serving(patient)
        const { answer } = yield* exchange(port, { head })
        const [headers = "", body = ""] = answer.split("\r\n\r\n")
        expect(headers).toContain(`HTTP/1.1 ${status} `)
        expect(headers).toContain("content-type: application/problem+json")
        expect(headers).toContain("connection: close")
        expect(JSON.parse(body)).toMatchObject({
          status,
          error: expect.any(String),
          type: expect.stringMatching(/^urn:/),
          ...says
        })
      })
    )
  }

  it.live("gives no second answer to who is refused and then sends nonsense", () =>
    Effect.gen(function* () {
      const port = yield* serving(patient)
      const head = ["PUT /early HTTP/1.1", "host: test", "transfer-encoding: chunked", "", "5\r\n12345\r\nnonsense"]
      const { answer } = yield* exchange(port, { head })
      expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1)
      expect(answer).toMatch(/^HTTP\/1\.1 412 /)
    })
  )

  it.live("puts nothing into an answer that has begun", () =>
    Effect.gen(function* () {
      const port = yield* serving(patient)
      const { answer } = yield* exchange(port, {
        head: ["GET /endless HTTP/1.1", "host: test"],
        afterwards: "nonsense\r\n\r\n"
      })
      expect(answer).toContain("begun")
      expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1)
    })
  )
})

const listening = (listen: string, tls?: ListenTls) => Layer.build(layerHttpServer({ listen, tls }))
const statusAt = (socketPath: string) =>
  Effect.promise(async () => {
    const request = http.get({ socketPath, path: "/" })
    const [response] = await once(request, "response")
    response.resume()
    return response.statusCode
  })

/** A process that listened there and was killed. */
const deadListener = (path: string) =>
  Effect.promise(async () => {
    const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => console.log("up"))`
    const child: ChildProcess = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] })
    if (child.stdout) await once(child.stdout, "data")
    child.kill("SIGKILL")
    await once(child, "exit")
  })

describe("HttpServer, where it listens", () => {
  it.live("replaces the socket of a dead process, for owner and group only", () =>
    Effect.gen(function* () {
      const path = `${yield* scratchDirectory}/http.sock`
      yield* deadListener(path)
      expect((yield* Effect.promise(() => fs.stat(path))).isSocket()).toBe(true)
      yield* Layer.build(
        HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
          Layer.provide(layerHttpServer({ listen: `unix:${path}` })),
          Layer.provide(NodeHttpServer.layerHttpServices)
        )
      )
      expect((yield* Effect.promise(() => fs.stat(path))).mode & 0o777).toBe(0o660)
      expect(yield* statusAt(path)).toBe(404)
    })
  )

  it.live("leaves the socket of a living one alone, and a file that is none", () =>
    Effect.gen(function* () {
      const directory = yield* scratchDirectory
      yield* listening(`unix:${directory}/live.sock`)
      const held = yield* Effect.flip(listening(`unix:${directory}/live.sock`))
      expect(held.message).toContain("another program listens there already")
      yield* Effect.promise(() => fs.writeFile(`${directory}/file`, "precious"))
      expect((yield* Effect.flip(listening(`unix:${directory}/file`))).message).toContain("no socket")
      expect(yield* Effect.promise(() => fs.readFile(`${directory}/file`, "utf8"))).toBe("precious")
    })
  )

  it.live("listens on IPv6", () =>
    Effect.gen(function* () {
      const server = yield* Effect.provide(HttpServer, yield* listening("[::1]:0"))
      expect(server.address).toHaveProperty("port")
    })
  )

  it.live("says why it cannot", () =>
    Effect.gen(function* () {
      const other = net.createServer().listen(0, "127.0.0.1")
      yield* Effect.addFinalizer(() => Effect.sync(() => other.close()))
      yield* Effect.promise(() => once(other, "listening"))
      const { port } = other.address() as net.AddressInfo
      expect((yield* Effect.flip(listening(`127.0.0.1:${port}`))).message).toBe(
        `cannot listen on 127.0.0.1:${port}: another program listens there already`
      )
      for (const wrong of [
        "8490",
        "localhost",
        "::1:8490",
        "host:70000",
        "unix:relative",
        `unix:/${"x".repeat(108)}`
      ]) {
        expect((yield* Effect.flip(listening(wrong))).message).toMatch(/^listen: /)
      }
    })
  )
})

/** Says who is at the other end, as the server sees it. */
const whoIsThere = HttpRouter.add(
  "GET",
  "/peer",
  Effect.map(Effect.service(Peer), (peer) => HttpServerResponse.jsonUnsafe(peer))
)

/** Where it is served, and what it then says. */
const peerSeen = Effect.fnUntraced(function* (
  listen: string,
  reach: (port: number) => http.RequestOptions,
  tls?: ListenTls
) {
  const server = yield* Layer.build(
    HttpRouter.serve(whoIsThere, { disableLogger: true, disableListenLog: true }).pipe(
      Layer.provideMerge(layerHttpServer({ listen, tls })),
      Layer.provide(NodeHttpServer.layerHttpServices)
    )
  )
  const { address } = yield* Effect.provide(HttpServer, server)
  return yield* Effect.promise(async () => {
    const options = { path: "/peer", agent: false as const, ...reach("port" in address ? Number(address.port) : 0) }
    const request = (tls === undefined ? http : https).get(options)
    const [response] = await once(request, "response")
    return JSON.parse((await response.toArray()).join(""))
  })
})

describe("HttpServer, who is at the other end", () => {
  const nobody = { _tag: "None" }
  const ca = readFileSync(pem("ca.pem"))
  const client = { cert: readFileSync(pem("client-old.pem")), key: readFileSync(pem("client-old.key")) }
  const mutual = { ...tlsFiles, client_ca: pem("ca.pem") }

  it.live("an address, over TCP", () =>
    Effect.gen(function* () {
      const seen = yield* peerSeen("127.0.0.1:0", (port) => ({ host: "127.0.0.1", port }))
      expect(seen).toEqual({ socket: "tcp", ip: "127.0.0.1", certificate: nobody })
    })
  )

  it.live("nobody more precise than the socket, over a unix socket", () =>
    Effect.gen(function* () {
      const socketPath = `${yield* scratchDirectory}/http.sock`
      expect(yield* peerSeen(`unix:${socketPath}`, () => ({ socketPath }))).toEqual({
        socket: "unix",
        certificate: nobody
      })
    })
  )

  it.live("a certificate, where one is asked for and shown", () =>
    Effect.gen(function* () {
      const reach = (more: https.RequestOptions) => (port: number) => ({ host: "localhost", port, ca, ...more })
      const asked = { socket: "tcp", ip: "127.0.0.1" }
      expect(yield* peerSeen("127.0.0.1:0", reach(client), mutual)).toEqual({
        ...asked,
        certificate: { _tag: "Trusted", names: ["lab-01-old"], notAfter: Date.parse("2126-10-28T02:43:09Z") }
      })
      expect(yield* peerSeen("127.0.0.1:0", reach({}), mutual)).toEqual({ ...asked, certificate: nobody })
      expect(yield* peerSeen("127.0.0.1:0", reach(client), tlsFiles)).toEqual({ ...asked, certificate: nobody })
      const itself = { cert: readFileSync(pem("server.pem")), key: readFileSync(pem("server.key")) }
      expect((yield* peerSeen("127.0.0.1:0", reach(itself), mutual)).certificate._tag).toMatch(/Trusted|Refused/)
    })
  )
})

describe("HttpServer, what TLS cannot begin with", () => {
  const mutual = { ...tlsFiles, client_ca: pem("ca.pem") }
  const cases: Readonly<Record<string, readonly [Partial<ListenTls>, words: string]>> = {
    "a certificate that is missing": [{ cert: "/nowhere/x.pem" }, "tls.cert /nowhere/x.pem is missing"],
    "a key that is missing": [{ key: "/nowhere/x.key" }, "tls.key /nowhere/x.key is missing"],
    "an authority that is missing": [{ client_ca: "/nowhere/ca.pem" }, "tls.client_ca /nowhere/ca.pem is missing"],
    "a list that is missing": [{ client_crl: "/nowhere/crl.pem" }, "tls.client_crl /nowhere/crl.pem is missing"],
    "another certificate's key": [{ key: pem("client-old.key") }, "does not belong to tls.cert"],
    "a key for a certificate": [{ cert: pem("server.key") }, "holds no whole certificate in PEM"],
    "a certificate for a key": [{ key: pem("server.pem") }, "holds no private key in PEM"],
    "an authority without a certificate": [{ client_ca: pem("server.key") }, "holds no whole certificate in PEM"],
    "a list that is none": [{ client_crl: pem("ca.pem") }, "holds no revocation list in PEM"],
    "a directory": [{ client_ca: "/tmp" }, "tls.client_ca /tmp is not a file"]
  }
  for (const [what, [files, words]] of Object.entries(cases)) {
    it.live(`says of ${what}`, () =>
      Effect.gen(function* () {
        const failed = yield* Effect.flip(listening("127.0.0.1:0", { ...mutual, ...files }))
        expect(failed).toMatchObject({ _tag: "TlsUnusable", message: expect.stringContaining(words) })
      })
    )
  }

  it.live("says of an authority that was cut short, or of which one is broken", () =>
    Effect.gen(function* () {
      const path = `${yield* scratchDirectory}/ca.pem`
      const whole = readFileSync(pem("ca.pem"), "utf8")
      const broken = whole.replace(/MI/, "AA")
      for (const content of ["", whole.slice(0, -30), `${whole}${whole.slice(0, 200)}`, `${whole}${broken}`]) {
        yield* Effect.promise(() => fs.writeFile(path, content))
        const failed = yield* Effect.flip(listening("127.0.0.1:0", { ...mutual, client_ca: path }))
        expect(failed.message).toMatch(/ca\.pem holds (no whole certificate|a certificate that is broken, number 2)/)
      }
    })
  )
})
