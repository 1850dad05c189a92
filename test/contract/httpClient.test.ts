import { once } from "node:events"
import * as fs from "node:fs/promises"
import * as http from "node:http"
import * as https from "node:https"
import type { AddressInfo, ListenOptions, Server, Socket } from "node:net"
import type { TLSSocket } from "node:tls"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import { layerHttpClient } from "../../layers/HttpClient.ts"
import { TlsMaterialError } from "../../layers/httpClient/material.ts"
import type { TlsFiles } from "../../src/services/Transport.ts"
import { PIECE_BYTES } from "../../src/shipper/Link.ts"
import { narrowSocket } from "../support/narrowSocket.ts"
import { scratchDirectory } from "../support/scratch.ts"

const pem = (name: string): string => new URL(`../support/pem/${name}`, import.meta.url).pathname
const ca_bundle = pem("ca.pem")
const plain: TlsFiles = { verify_tls: true }

type Where = ListenOptions | { readonly fd: number }
const portOf = <S extends Server>(make: () => S, where: Where = { port: 0, host: "127.0.0.1" }) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = make()
      server.listen(where)
      await once(server, "listening")
      return server
    }),
    (server) => Effect.sync(() => server.close())
  ).pipe(Effect.map((server) => (server.address() as AddressInfo).port))

const httpsPort = (options: https.ServerOptions, answer: http.RequestListener, where?: Where) =>
  Effect.gen(function* () {
    const [key, cert, ca] = yield* Effect.promise(() =>
      Promise.all(["server.key", "server.pem", "ca.pem"].map((name) => fs.readFile(pem(name))))
    )
    return yield* portOf(() => https.createServer({ key, cert, ca, ...options }, answer), where)
  })
/** Says whose certificate it was shown, and closes. */
const whoIsThere: http.RequestListener = (request, response) => {
  const { subject } = (request.socket as TLSSocket).getPeerCertificate()
  response.writeHead(200, { connection: "close" }).end(subject?.CN ?? "nobody")
}

const closed = (socket: Socket) => new Promise((resolve) => socket.once("close", resolve))

const withTls = (tls: TlsFiles) => Effect.provide(layerHttpClient(tls))
const textOf = (url: string) =>
  HttpClient.get(url).pipe(
    Effect.flatMap((response) => response.text),
    Effect.scoped
  )
const causeOf = (url: string) =>
  Effect.flip(HttpClient.get(url)).pipe(
    Effect.map(({ reason }) => ({ tag: reason._tag, cause: "cause" in reason ? reason.cause : undefined }))
  )

describe("HttpClient, layerHttpClient", () => {
  it.live("says that nobody listens", () =>
    Effect.gen(function* () {
      const port = yield* Effect.scoped(portOf(() => http.createServer()))
      const found = yield* causeOf(`http://127.0.0.1:${port}/`)
      expect(found).toMatchObject({ tag: "TransportError", cause: { code: "ECONNREFUSED" } })
    }).pipe(withTls(plain))
  )

  it.live("follows no redirect", () =>
    Effect.gen(function* () {
      const asked: Array<string | undefined> = []
      const port = yield* portOf(() =>
        http.createServer((request, response) => {
          asked.push(request.url)
          response.writeHead(307, { location: "/there" }).end()
        })
      )
      const response = yield* HttpClient.get(`http://127.0.0.1:${port}/here`)
      expect(response.status).toBe(307)
      expect(asked).toEqual(["/here"])
    }).pipe(withTls(plain))
  )

  it.live("asks no proxy", () =>
    Effect.gen(function* () {
      const port = yield* portOf(() => http.createServer((_, response) => response.end("direct")))
      const proxied = ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] as const
      const before = proxied.map((name) => process.env[name])
      yield* Effect.acquireRelease(
        Effect.sync(() => proxied.forEach((name) => void (process.env[name] = "http://127.0.0.1:9"))),
        () =>
          Effect.sync(() =>
            proxied.forEach((name, at) => {
              delete process.env[name]
              if (before[at] !== undefined) process.env[name] = before[at]
            })
          )
      )
      expect(yield* textOf(`http://127.0.0.1:${port}/`).pipe(withTls(plain))).toBe("direct")
    })
  )

  it.live("uses a connection again", () =>
    Effect.gen(function* () {
      let connections = 0
      const port = yield* portOf(() =>
        http.createServer((_, response) => response.end("x")).on("connection", () => void connections++)
      )
      yield* textOf(`http://127.0.0.1:${port}/`).pipe(Effect.repeat({ times: 4 }), withTls(plain))
      expect(connections).toBe(1)
    })
  )

  it.live("gets the answer of who refuses in mid-body", () =>
    Effect.gen(function* () {
      const port = yield* portOf(() =>
        http.createServer((request, response) => {
          response.writeHead(412, { connection: "close" }).end("no")
          request.resume()
        })
      )
      const request = HttpClientRequest.put(`http://127.0.0.1:${port}/`).pipe(
        HttpClientRequest.bodyUint8Array(new Uint8Array(32 * 1024 * 1024))
      )
      expect((yield* HttpClient.execute(request)).status).toBe(412)
    }).pipe(withTls(plain))
  )

  const PIECE = PIECE_BYTES
  const PIECES = 250
  /** Pieces that are all in the same memory. */
  const passing = Stream.suspend(() => {
    const memory = new Uint8Array(PIECE)
    return Stream.mapEffect(Stream.range(1, PIECES), (at) => Effect.sync(() => memory.fill(at)))
  })
  const upload = (url: string) =>
    HttpClientRequest.put(url).pipe(HttpClientRequest.bodyStream(passing, { contentLength: PIECE * PIECES }))
  /** Reads a little at a time, and says how many bytes of each piece came as they were. */
  const readSlowly: http.RequestListener = (request, response) => {
    let bytes = 0
    let right = 0
    request.on("data", (some: Buffer) => {
      for (const byte of some) right += byte === Math.floor(bytes++ / PIECE) + 1 ? 1 : 0
      request.pause()
      setImmediate(() => request.resume())
    })
    request.on("end", () => response.end(String(right)))
  }
  const sentSlowly = (url: string) => HttpClient.execute(upload(url)).pipe(Effect.flatMap((response) => response.text))

  it.live("asks for a piece of a body when the one before has gone", () =>
    Effect.gen(function* () {
      const port = yield* portOf(() => http.createServer(readSlowly))
      expect(yield* sentSlowly(`http://127.0.0.1:${port}/`)).toBe(String(PIECE * PIECES))
    }).pipe(withTls(plain))
  )

  it.live("asks for a piece of a body when the one before has gone, under TLS", () =>
    Effect.gen(function* () {
      const port = yield* httpsPort({}, readSlowly)
      expect(yield* sentSlowly(`https://localhost:${port}/`)).toBe(String(PIECE * PIECES))
    }).pipe(withTls({ ca_bundle, verify_tls: true }))
  )

  /** How far a body of 16 MiB was ahead of who reads it slowly, at most; the kernels at both ends would take 4 MiB of it at once. */
  const ahead = Effect.fnUntraced(function* (
    urlOf: (answer: http.RequestListener) => Effect.Effect<string, never, Scope>
  ) {
    let handed = 0
    let most = 0
    const url = yield* urlOf((request, response) => {
      let bytes = 0
      request.on("data", (some: Buffer) => {
        bytes += some.length
        most = Math.max(most, handed - bytes)
        request.pause()
        setImmediate(() => request.resume())
      })
      request.on("end", () => response.end(String(bytes)))
    })
    const pieces = Stream.mapEffect(Stream.range(1, PIECES), () =>
      Effect.sync(() => {
        handed += PIECE
        return new Uint8Array(PIECE)
      })
    )
    const request = HttpClientRequest.put(url).pipe(
      HttpClientRequest.bodyStream(pieces, { contentLength: PIECE * PIECES })
    )
    expect(yield* Effect.flatMap(HttpClient.execute(request), ({ text }) => text)).toBe(String(PIECE * PIECES))
    return most
  })

  it.live("hands over what can soon be sent, and no more", () =>
    Effect.gen(function* () {
      const most = yield* ahead((answer) =>
        Effect.map(
          portOf(() => http.createServer(answer), { fd: narrowSocket() }),
          (port) => `http://127.0.0.1:${port}/`
        )
      )

      expect(most).toBeLessThan(8 * PIECE)
    }).pipe(withTls(plain))
  )

  it.live("hands over what can soon be sent, and no more, under TLS", () =>
    Effect.gen(function* () {
      const most = yield* ahead((answer) =>
        Effect.map(httpsPort({}, answer, { fd: narrowSocket() }), (port) => `https://localhost:${port}/`)
      )

      expect(most).toBeLessThan(8 * PIECE)
    }).pipe(withTls({ ca_bundle, verify_tls: true }))
  )

  it.live("closes connection and body when it is interrupted, before an answer and in the middle of one", () =>
    Effect.gen(function* () {
      for (const begins of [false, true]) {
        const asked = yield* Deferred.make<Socket>()
        const port = yield* portOf(() =>
          http.createServer((request, response) => {
            request.resume()
            if (begins) response.writeHead(200, { "content-length": 10 }).write("12345")
            Deferred.doneUnsafe(asked, Effect.succeed(request.socket))
          })
        )
        let isClosed = false
        const body = Stream.concat(Stream.make(new Uint8Array(10)), Stream.never).pipe(
          Stream.ensuring(Effect.sync(() => void (isClosed = true)))
        )
        const request = HttpClientRequest.put(`http://127.0.0.1:${port}/`).pipe(HttpClientRequest.bodyStream(body))
        const fiber = yield* Effect.forkChild(
          Effect.flatMap(HttpClient.execute(request), (response) => response.text),
          { startImmediately: true }
        )
        const socket = yield* Deferred.await(asked)
        const gone = closed(socket)
        yield* Fiber.interrupt(fiber)
        yield* Effect.promise(() => gone)
        expect(isClosed).toBe(true)
      }
    }).pipe(withTls(plain))
  )

  it.live("gives a long answer as it comes, and closes when it is not wanted to its end", () =>
    Effect.gen(function* () {
      const answer = Buffer.alloc(16 * 1024 * 1024, "x")
      const asked = yield* Deferred.make<Socket>()
      const port = yield* portOf(() =>
        http.createServer((request, response) => {
          Deferred.doneUnsafe(asked, Effect.succeed(request.socket))
          response.end(answer)
        })
      )
      const url = `http://127.0.0.1:${port}/`
      expect((yield* textOf(url)).length).toBe(answer.length)
      const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      const whole = yield* Effect.flatMap(HttpClient.get(url), ({ stream }) =>
        Stream.runFold(
          Stream.tap(stream, () => Effect.andThen(turn, turn)),
          () => 0,
          (bytes: number, some) => bytes + some.length
        )
      )
      expect(whole).toBe(answer.length)
      const socket = yield* Deferred.await(asked)
      expect(socket.destroyed).toBe(false)
      const gone = closed(socket)
      yield* Effect.flatMap(HttpClient.get(url), ({ stream }) => Stream.runHead(stream))
      yield* Effect.promise(() => gone)
    }).pipe(withTls(plain))
  )

  for (const size of [66_000, 100_000, 150_000, 300_000, 5_000_000]) {
    it.live(`gives an answer of ${size} bytes whole to who reads it late`, () =>
      Effect.gen(function* () {
        const port = yield* portOf(() => http.createServer((_, response) => response.end(Buffer.alloc(size, "x"))))
        const response = yield* HttpClient.get(`http://127.0.0.1:${port}/`)
        const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        yield* Effect.repeat(turn, { times: 200 })
        expect((yield* response.text).length).toBe(size)
      }).pipe(withTls(plain))
    )
  }

  it.live("says that an answer was cut short", () =>
    Effect.gen(function* () {
      const port = yield* portOf(() =>
        http.createServer((request, response) => {
          response.writeHead(200, { "content-length": 10 })
          response.write("12345", () => request.socket.destroy())
        })
      )
      const error = yield* Effect.flip(textOf(`http://127.0.0.1:${port}/`))
      expect(error).toMatchObject({ reason: { _tag: "DecodeError", cause: { code: "UND_ERR_SOCKET" } } })
    }).pipe(withTls(plain))
  )

  it.live("trusts the CA it is told, and no other", () =>
    Effect.gen(function* () {
      const url = `https://localhost:${yield* httpsPort({}, whoIsThere)}/`
      expect(yield* textOf(url).pipe(withTls({ ca_bundle, verify_tls: true }))).toBe("nobody")
      expect(yield* causeOf(url).pipe(withTls(plain))).toMatchObject({ tag: "TransportError" })
      expect(yield* textOf(url).pipe(withTls({ verify_tls: false }))).toBe("nobody")
    })
  )

  it.live("names each file that is missing, and uses it once it is there", () =>
    Effect.gen(function* () {
      const directory = yield* scratchDirectory
      const url = `https://localhost:${yield* httpsPort({ requestCert: true }, whoIsThere)}/`
      const files = { ca_bundle: "ca.pem", client_cert: "client-old.pem", client_key: "client-old.key" }
      const tls = {
        ca_bundle: `${directory}/ca.pem`,
        client_cert: `${directory}/client-old.pem`,
        client_key: `${directory}/client-old.key`,
        verify_tls: true
      }
      yield* Effect.gen(function* () {
        for (const name of Object.values(files)) {
          const { tag, cause } = yield* causeOf(url)
          expect(tag).toBe("TransportError")
          expect(cause).toBeInstanceOf(TlsMaterialError)
          expect((cause as Error).message).toMatch(/^mTLS material: /)
          expect((cause as Error).message).toContain(`${directory}/${name}`)
          yield* Effect.promise(() => fs.copyFile(pem(name), `${directory}/${name}`))
        }
        expect(yield* textOf(url)).toBe("lab-01-old")
      }).pipe(withTls(tls))
    })
  )

  it.live("shows a renewed certificate on the next connection", () =>
    Effect.gen(function* () {
      const directory = yield* scratchDirectory
      const client_cert = `${directory}/client.pem`
      const client_key = `${directory}/client.key`
      const install = (name: string) =>
        Effect.promise(async () => {
          await fs.copyFile(pem(`${name}.pem`), client_cert)
          await fs.copyFile(pem(`${name}.key`), client_key)
        })
      const url = `https://localhost:${yield* httpsPort({ requestCert: true, rejectUnauthorized: true }, whoIsThere)}/`
      yield* install("client-old")
      yield* Effect.gen(function* () {
        expect(yield* textOf(url)).toBe("lab-01-old")
        yield* install("client-new")
        expect(yield* textOf(url)).toBe("lab-01-new")
        // Half renewed: the key is another certificate's.
        yield* Effect.promise(() => fs.copyFile(pem("client-old.key"), client_key))
        const { cause } = yield* causeOf(url)
        expect(cause).toBeInstanceOf(TlsMaterialError)
        expect((cause as Error).message).toContain(client_key)
      }).pipe(withTls({ ca_bundle, client_cert, client_key, verify_tls: true }))
    })
  )

  it.live("keeps the certificates of two clients apart", () =>
    Effect.gen(function* () {
      const url = `https://localhost:${yield* httpsPort({ requestCert: true }, whoIsThere)}/`
      const as = (name: string) =>
        textOf(url).pipe(
          withTls({ ca_bundle, client_cert: pem(`${name}.pem`), client_key: pem(`${name}.key`), verify_tls: true })
        )
      expect(yield* Effect.all([as("client-old"), as("client-new")])).toEqual(["lab-01-old", "lab-01-new"])
    })
  )
})
