import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { Listener } from "../../../src/services/Listener.ts"
import { Transport } from "../../../src/services/Transport.ts"
import { Disk } from "../disk/disk.ts"
import { execute } from "../kernel/execute.ts"
import { type Machine, makeMachine } from "../kernel/machine.ts"
import { makeOutput } from "../kernel/output.ts"
import { makeRandom } from "../kernel/random.ts"
import { makeWorld } from "../kernel/world.ts"
import { layerListener } from "./listener.ts"
import { makeNetwork } from "./network.ts"
import type { Passage } from "./passage.ts"
import { layerTransport } from "./transport.ts"

type App = Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest | Scope.Scope>

const KiB = 1024
const BODY = Uint8Array.from({ length: 300 * KiB }, (_, index) => index)
const LINK = { latencyMillis: 1, bytesPerSecond: 10 * KiB * KiB }

/** What the server saw of one request. */
interface Seen {
  bytes: number
  sum: number
  /** How the app ended. */
  ended: string
}

const sumOf = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => sum + byte, 0)

/** Two machines, `client` and `server`; every connection has the same fate. */
const makePair = (passage: Passage = {}) => {
  const world = makeWorld()
  const network = makeNetwork(world, { link: () => LINK, decide: () => passage })
  const machine = (name: string): Machine => {
    const made = makeMachine(world, {
      name,
      random: makeRandom(name),
      decide: () => ({ latencyMillis: 0.1 }),
      disk: (now) => new Disk({ capacityBytes: KiB * KiB, now })
    })
    network.attach(made)
    return made
  }
  const client = machine("client")
  const server = machine("server")
  const seen: Array<Seen> = []

  const run = <A, E>(where: Machine, name: string, effect: Effect.Effect<A, E, Listener | Transport>) => {
    const { finish, process } = where.spawn(name, () => undefined)
    const services = Layer.merge(layerListener(process, network), layerTransport(process, network))
    const { console } = makeOutput(process.note)
    const interrupt = execute(process, console, Effect.provide(effect, services), () =>
      finish({ _tag: "Exited", code: 0, defect: false })
    )
    return { process, finish, interrupt }
  }

  const counted: App = Effect.gen(function* () {
    const request = yield* HttpServerRequest
    const one: Seen = { bytes: 0, sum: 0, ended: "not" }
    seen.push(one)
    yield* Stream.runForEach(request.stream, (bytes) =>
      Effect.sync(() => {
        one.bytes += bytes.length
        one.sum += sumOf(bytes)
      })
    ).pipe(
      Effect.interruptible,
      Effect.onExit((exit) =>
        Effect.sync(() => {
          one.ended = Exit.isSuccess(exit) ? "whole" : Exit.hasInterrupts(exit) ? "gone" : "cut"
        })
      ),
      Effect.orDie
    )
    return HttpServerResponse.text(`took ${one.bytes} bytes`, { status: 201 })
  })
  const serve = (app: App = counted) =>
    run(
      server,
      "server",
      Effect.scoped(
        Effect.gen(function* () {
          const listening = yield* (yield* Listener).listen("0.0.0.0:8490")
          yield* listening.serve(app)
          return yield* Effect.never
        })
      )
    )

  let outcome = "none yet"
  const answerOf = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.gen(function* () {
      const http = yield* (yield* Transport).client({ verify_tls: true })
      const response = yield* http.execute(request)
      const text = yield* Stream.mkString(Stream.decodeText(response.stream))
      return `${response.status} ${text}`
    }).pipe(
      Effect.scoped,
      Effect.catch((error) => {
        const { cause, _tag } = error.reason
        return Effect.succeed(`${_tag} ${Predicate.isObject(cause) && "code" in cause ? String(cause.code) : ""}`)
      }),
      Effect.timeoutOrElse({ duration: 60_000, orElse: () => Effect.succeed("silence") })
    )
  const ask = (request: HttpClientRequest.HttpClientRequest) =>
    run(
      client,
      "client",
      Effect.flatMap(answerOf(request), (text) => {
        outcome = text
        return Effect.never
      })
    )

  return {
    world,
    client,
    server,
    seen,
    serve,
    ask,
    outcome: () => outcome,
    runFor: (millis: number) => world.run(world.now() + millis, () => undefined)
  }
}

const put = HttpClientRequest.put("http://server:8490/v1/x").pipe(HttpClientRequest.bodyUint8Array(BODY))
const whole: Seen = { bytes: BODY.length, sum: sumOf(BODY), ended: "whole" }
const proxy = { status: 502, headers: { "retry-after": "7" }, body: "<html>" } as const

/** What the client gets and the server sees, for every trouble. */
const table: ReadonlyArray<readonly [string, Passage, string, ReadonlyArray<Partial<Seen>>]> = [
  ["nothing in the way", {}, "201 took 307200 bytes", [whole]],
  ["a slow link", { link: { bytesPerSecond: 20 * KiB } }, "201 took 307200 bytes", [whole]],
  ["refused", { trouble: { _tag: "Refused" } }, "TransportError ECONNREFUSED", []],
  ["unreachable", { trouble: { _tag: "Unreachable" } }, "TransportError UND_ERR_CONNECT_TIMEOUT", []],
  ["unknown", { trouble: { _tag: "UnknownHost" } }, "TransportError ENOTFOUND", []],
  [
    "reset before the request",
    { trouble: { _tag: "Cut", when: "before", how: "reset" } },
    "TransportError ECONNRESET",
    []
  ],
  [
    "closed before the request",
    { trouble: { _tag: "Cut", when: "before", how: "close" } },
    "TransportError UND_ERR_SOCKET",
    []
  ],
  [
    "reset in the middle of it",
    { trouble: { _tag: "Cut", when: { share: 0.5 }, how: "reset" } },
    "TransportError ECONNRESET",
    [{ ended: "gone" }]
  ],
  [
    "closed in the middle of it",
    { trouble: { _tag: "Cut", when: { share: 0.5 }, how: "close" } },
    "TransportError UND_ERR_SOCKET",
    [{ ended: "gone" }]
  ],
  [
    "reset some time after it was made",
    { link: { bytesPerSecond: 20 * KiB }, trouble: { _tag: "Cut", when: { millis: 3000 }, how: "reset" } },
    "TransportError ECONNRESET",
    [{ ended: "gone" }]
  ],
  [
    "stalled some time after it was made",
    { link: { bytesPerSecond: 20 * KiB }, trouble: { _tag: "Stalled", when: { millis: 3000 } } },
    "silence",
    [{ ended: "not" }]
  ],
  ["reset after it", { trouble: { _tag: "Cut", when: "after", how: "reset" } }, "TransportError ECONNRESET", [whole]],
  ["the answer lost", { trouble: { _tag: "Cut", when: "answer", how: "reset" } }, "TransportError ECONNRESET", [whole]],
  ["stalled before it", { trouble: { _tag: "Stalled", when: "before" } }, "silence", []],
  ["stalled in it", { trouble: { _tag: "Stalled", when: { share: 0.9 } } }, "silence", [{ ended: "not" }]],
  ["the answer stalled", { trouble: { _tag: "Stalled", when: "answer" } }, "silence", [whole]],
  ["the answer cut short", { trouble: { _tag: "Truncated", bytes: 4 } }, "DecodeError UND_ERR_SOCKET", [whole]],
  ["no HTTP", { trouble: { _tag: "Garbled" } }, "TransportError ", [whole]],
  ["sent twice", { trouble: { _tag: "Duplicated", afterMillis: 500 } }, "201 took 307200 bytes", [whole, whole]],
  ["a proxy at the head", { trouble: { _tag: "Answered", answer: proxy, when: "head" } }, "502 <html>", []],
  ["a proxy after the body", { trouble: { _tag: "Answered", answer: proxy, when: "body" } }, "502 <html>", []],
  [
    "a proxy after the receiver",
    { trouble: { _tag: "Answered", answer: proxy, when: "receiver" } },
    "502 <html>",
    [whole]
  ]
]

describe("a request", () => {
  it.each(table)("%s", (_, passage, outcome, seen) => {
    const pair = makePair(passage)
    pair.serve()
    pair.runFor(10)
    pair.ask(put)
    pair.runFor(120_000)
    expect(pair.outcome()).toBe(outcome)
    expect(pair.seen).toMatchObject(seen)
    expect(pair.seen.length).toBe(seen.length)
  })

  it("with one byte changed arrives with one byte changed", () => {
    const pair = makePair({ trouble: { _tag: "Corrupted", share: 0.5 } })
    pair.serve()
    pair.runFor(10)
    pair.ask(put)
    pair.runFor(60_000)
    expect(pair.outcome()).toBe("201 took 307200 bytes")
    expect(pair.seen[0]?.bytes).toBe(BODY.length)
    expect(Math.abs((pair.seen[0]?.sum ?? 0) - sumOf(BODY))).toBe(0x10)
  })

  it("is not read faster than the server reads it", () => {
    const pair = makePair()
    let taken = 0
    const stream = Stream.fromIterable(Array.from({ length: 64 }, () => BODY.subarray(0, 64 * KiB))).pipe(
      Stream.tap((bytes) => Effect.sync(() => (taken += bytes.length)))
    )
    pair.serve(Effect.never)
    pair.runFor(10)
    pair.ask(
      HttpClientRequest.put("http://server:8490/").pipe(
        HttpClientRequest.bodyStream(stream, { contentLength: 64 * 64 * KiB })
      )
    )
    pair.runFor(10_000)
    expect(taken).toBeGreaterThan(0)
    expect(taken).toBeLessThan(1024 * KiB)
  })

  it("whose body is not as long as it said fails", () => {
    const pair = makePair()
    pair.serve()
    pair.runFor(10)
    const body = Stream.make(BODY.subarray(0, 10))
    pair.ask(
      HttpClientRequest.put("http://server:8490/").pipe(HttpClientRequest.bodyStream(body, { contentLength: 20 }))
    )
    pair.runFor(1000)
    expect(pair.outcome()).toBe("TransportError UND_ERR_REQ_CONTENT_LENGTH_MISMATCH")
    expect(pair.seen).toMatchObject([{ ended: "gone" }])
  })

  it("that is refused in mid-body gets its answer, and the rest is thrown away", () => {
    const pair = makePair({ link: { bytesPerSecond: 20 * KiB } })
    pair.serve(Effect.succeed(HttpServerResponse.text("no", { status: 412 })))
    pair.runFor(10)
    pair.ask(put)
    pair.runFor(60_000)
    expect(pair.outcome()).toBe("412 no")
  })

  it("HEAD is answered without a body", () => {
    const pair = makePair()
    pair.serve(Effect.succeed(HttpServerResponse.text("a body that is not sent", { status: 200 })))
    pair.runFor(10)
    pair.ask(HttpClientRequest.head("http://server:8490/"))
    pair.runFor(1000)
    expect(pair.outcome()).toBe("200 ")
  })
})

describe("a server that is", () => {
  const begun = () => {
    const pair = makePair({ link: { bytesPerSecond: 20 * KiB } })
    const server = pair.serve()
    pair.runFor(10)
    pair.ask(put)
    pair.runFor(2000)
    expect(pair.seen).toMatchObject([{ ended: "not" }])
    return { pair, server }
  }

  it("not there refuses", () => {
    const pair = makePair()
    pair.ask(put)
    pair.runFor(60_000)
    expect(pair.outcome()).toBe("TransportError ECONNREFUSED")
  })

  it("killed in the middle resets or closes, and frees its port", () => {
    const { pair, server } = begun()
    server.finish({ _tag: "Killed" })
    pair.runFor(1000)
    expect(pair.outcome()).toMatch(/^TransportError (ECONNRESET|UND_ERR_SOCKET)$/)
    pair.serve()
    pair.runFor(10)
    pair.ask(put)
    pair.runFor(60_000)
    expect(pair.outcome()).toBe("201 took 307200 bytes")
  })

  it("without power says nothing at all, and is not reached until it is back", () => {
    const { pair } = begun()
    pair.server.cutPower()
    pair.runFor(70_000)
    expect(pair.outcome()).toBe("silence")
    pair.ask(put)
    pair.runFor(60_000)
    expect(pair.outcome()).toBe("TransportError UND_ERR_CONNECT_TIMEOUT")
    pair.server.powerOn()
    pair.serve()
    pair.runFor(10)
    pair.ask(put)
    pair.runFor(60_000)
    expect(pair.outcome()).toBe("201 took 307200 bytes")
  })

  it("told to stop finishes what is under way, and takes in nothing new", () => {
    const { pair, server } = begun()
    server.interrupt()
    pair.runFor(9000)
    expect([server.process.alive, pair.outcome()]).toEqual([true, "none yet"])
    pair.runFor(10_000)
    expect(pair.outcome()).toBe("503 ")
    pair.runFor(20_000)
    expect(server.process.alive).toBe(false)
  })
})

it("a client that is killed in the middle is noticed by the server", () => {
  const pair = makePair({ link: { bytesPerSecond: 20 * KiB } })
  pair.serve()
  pair.runFor(10)
  const large = new Uint8Array(KiB * KiB)
  const client = pair.ask(HttpClientRequest.put("http://server:8490/").pipe(HttpClientRequest.bodyUint8Array(large)))
  pair.runFor(2000)
  client.finish({ _tag: "Killed" })
  pair.runFor(20_000)
  expect(pair.seen).toMatchObject([{ ended: "gone" }])
})

it("a client that gives up in the middle is noticed by the server", () => {
  const pair = makePair({ link: { bytesPerSecond: 2 * KiB } })
  pair.serve()
  pair.runFor(10)
  const large = new Uint8Array(KiB * KiB)
  pair.ask(HttpClientRequest.put("http://server:8490/").pipe(HttpClientRequest.bodyUint8Array(large)))
  pair.runFor(59_000)
  expect(pair.seen).toMatchObject([{ ended: "not" }])
  // What it had written before still arrives.
  pair.runFor(200_000)
  expect(pair.outcome()).toBe("silence")
  expect(pair.seen).toMatchObject([{ ended: "gone" }])
})

it("one port is one program's", () => {
  const pair = makePair()
  const first = pair.serve()
  pair.runFor(10)
  const second = pair.serve()
  pair.runFor(10)
  expect([first.process.alive, second.process.alive]).toEqual([true, false])
})
