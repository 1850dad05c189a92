import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs/promises"
import * as http from "node:http"
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

/** The port of a server that lingers as said. */
const serving = Effect.fnUntraced(function* (linger: { readonly bytes: number; readonly millis: number }) {
  const server = yield* Layer.build(
    HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
      Layer.provideMerge(layerHttpServer({ listen: "127.0.0.1:0", linger })),
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

describe("HttpServer, lingering close", () => {
  for (const path of ["/early", "/empty", "/midway", "/nowhere"]) {
    it.live(`${path}: who sends 32 MiB before looking up gets the answer`, () =>
      Effect.gen(function* () {
        const port = yield* serving(patient)
        const size = 32 * MiB
        const { answer, sent, end } = yield* exchange(port, { head: put(path, size), body: size, writesFirst: true })
        expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /)
        expect(answer.toLowerCase()).toContain("\r\nconnection: close\r\n")
        expect({ sent, end }).toEqual({ sent: size, end: "closed" })
      })
    )
  }

  it.live("says close also when little of the body is left", () =>
    Effect.gen(function* () {
      const port = yield* serving(patient)
      const { answer, end } = yield* exchange(port, { head: put("/early", 1000), body: 1000 })
      expect(answer.toLowerCase()).toContain("\r\nconnection: close\r\n")
      expect(end).toBe("closed")
    })
  )

  it.live("cuts who never stops at the limit of bytes, the answer long since there", () =>
    Effect.gen(function* () {
      const port = yield* serving(patient)
      const { answer, sent, end } = yield* exchange(port, { head: put("/early", 1024 * MiB), body: 1024 * MiB })
      expect(answer).toContain('{"error":"refused"}')
      expect(end).toBe("cut")
      expect(sent).toBeGreaterThan(64 * MiB)
      expect(sent).toBeLessThan(128 * MiB)
    })
  )

  it.live("cuts who crawls at the limit of time", () =>
    Effect.gen(function* () {
      const port = yield* serving({ bytes: 64 * MiB, millis: 50 })
      const { answer, end } = yield* exchange(port, { head: put("/early", 64 * MiB), body: 1000, crawls: true })
      expect(answer).toContain('{"error":"refused"}')
      expect(end).toBe("cut")
    })
  )

  it.live("lets no body come for a refusal when the client waits for 100 Continue", () =>
    Effect.gen(function* () {
      const port = yield* serving(patient)
      const { answer } = yield* exchange(port, { head: put("/early", 5 * MiB, "expect: 100-continue") })
      expect(answer).toMatch(/^HTTP\/1\.1 412 /)
      expect(answer.toLowerCase()).toContain("\r\nconnection: close\r\n")
    })
  )

  it.live("keeps the connection when the body was read whole", () =>
    Effect.gen(function* () {
      const port = yield* serving(patient)
      const head = [
        ...put("/whole", 5),
        "",
        "12345PUT /whole HTTP/1.1",
        "host: test",
        "connection: close",
        "content-length: 0"
      ]
      const { answer } = yield* exchange(port, { head })
      expect(answer.match(/HTTP\/1\.1 201 /g)).toHaveLength(2)
    })
  )

  it.live("answers 100 Continue to who reads", () =>
    Effect.gen(function* () {
      const port = yield* serving(patient)
      const head = put("/whole", 1000, "expect: 100-continue", "connection: close")
      const { answer } = yield* exchange(port, { head, body: 1000 })
      expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /)
    })
  )
})

describe("HttpServer, what is no request", () => {
  const cases: Readonly<Record<string, { readonly head: ReadonlyArray<string>; readonly status: number }>> = {
    "not HTTP": { head: ["good morning"], status: 400 },
    "headers over 16 KiB": { head: ["GET / HTTP/1.1", "host: test", `x: ${"x".repeat(17_000)}`], status: 431 }
  }
  for (const [what, { head, status }] of Object.entries(cases)) {
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
          type: expect.stringMatching(/^urn:/)
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

const listening = (listen: string) => Layer.build(layerHttpServer({ listen }))
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
