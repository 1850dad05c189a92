/** A whole receiver, over HTTP and on a real disk, to which anything is sent. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as zlib from "node:zlib"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { afterAll, describe, expect, it } from "vitest"
import { layerLookup } from "../../layers/Lookup.ts"
import { PingAnswer } from "../../src/domain/ping.ts"
import { header, problems } from "../../src/domain/protocol.ts"
import { HostRow } from "../../src/receiver/hosts.ts"
import { layerDataset } from "../../src/receiver/layerDataset.ts"
import { makeGate, type Receiver, startReceiver } from "../support/receiver.ts"
import { COMMIT, EPISODE } from "../support/tarball.ts"
import { type Answer, connect, jsonOf, reprDigestOf, send, sha256Of, until } from "../support/wire.ts"
import { compressing, readByOthers, soundTar, tarballNear } from "./archives.ts"
import { part } from "./effort.ts"
import { anyBytes, jsonNear, mutatedBytes, textNear } from "./mutate.ts"

const onDisk = (root: string) => {
  const options = {
    storeRoot: join(root, "store"),
    incomingRoot: join(root, "incoming"),
    indexPath: join(root, "index.jsonl"),
    maxMembers: 40,
    maxUnpackedBytes: 2 ** 19
  }
  return layerDataset(options).pipe(Layer.provide(layerLookup(options.indexPath)))
}
const receiver: Receiver = await startReceiver({
  dataset: onDisk,
  gate: makeGate().layer,
  limits: { maxMembers: 40, maxUnpackedBytes: 2 ** 19, maxEpisodeBytes: 2 ** 20 }
})
afterAll(() => receiver[Symbol.asyncDispose]())
const root = join(receiver.incoming, "..")

const stored = (): ReadonlyArray<string> =>
  readdirSync(join(root, "store"), { recursive: true, encoding: "utf8" }).filter((name) => name.includes("/"))
const rows = (): ReadonlyArray<Record<string, unknown>> =>
  readFileSync(join(root, "index.jsonl"), "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line))

/** 431: what is no request of ours never comes to the routes. */
const STATUSES: ReadonlySet<number> = new Set([431, ...Object.values(problems).map(({ status }) => status)])

/** A refusal that says so, and in few words. */
const expectRefusal = (answer: Answer): void => {
  expect(STATUSES).toContain(answer.status)
  expect(answer.status).not.toBe(500)
  expect(answer.headers["content-type"]).toBe("application/problem+json")
  const document = jsonOf(answer)
  expect(document["type"]).toBe(`urn:cis490:problem:${answer.headers[header.problem] ?? "headers-too-large"}`)
  expect(document["status"]).toBe(answer.status)
  expect(document["error"]).toMatch(/^[^\r\n]+$/)
  expect(answer.text.length).toBeLessThan(8192)
}

const expectNoMistake = (): void =>
  expect(receiver.logs.filter(({ level }) => level === "Error" || level === "Fatal")).toEqual([])

/** A name in `incoming/` goes when the answer is out. */
const expectNothingLeft = async (): Promise<void> => {
  const deadline = Date.now() + 5000
  await until(() => receiver.leftBehind().length === 0 || Date.now() > deadline)
  expect(receiver.leftBehind()).toEqual([])
}

let hosts = 0

interface Upload {
  readonly body: Uint8Array
  /** What was to be sent. */
  readonly meant: Uint8Array
}
const upload: fc.Arbitrary<Upload> = fc.oneof(
  tarballNear.map((body) => ({ body, meant: body })),
  fc.tuple(compressing, soundTar).map(([compress, { tar }]) => ({ body: compress(tar), meant: compress(tar) })),
  fc
    .tuple(compressing, soundTar)
    .map(([compress, { tar }]) => compress(tar))
    .chain((meant) => mutatedBytes(fc.constant(meant)).map((body) => ({ body, meant })))
)

describe("an upload of anything", () => {
  it("is stored whole and sound, or refused and nowhere", () =>
    fc.assert(
      fc.asyncProperty(upload, async ({ body, meant }) => {
        const host = `h${hosts++}`
        const answer = await send(receiver.port, {
          method: "PUT",
          path: `/v1/episodes/${host}/${EPISODE}`,
          body,
          headers: {
            "content-length": String(body.length),
            [header.reprDigest]: reprDigestOf(meant),
            [header.codeCommit]: COMMIT
          }
        })
        await expectNothingLeft()
        const path = join(root, "store", host, `${EPISODE}.tar.zst`)
        if (answer.status !== 201) {
          expectRefusal(answer)
          expect(existsSync(path)).toBe(false)
          if (!Buffer.from(body).equals(meant))
            expect(jsonOf(answer)["error"]).toMatch(/^digest mismatch|^the archive unpacks/)
          return
        }
        // Not a byte was harmed, and others read in it what we say is in it.
        expect(Buffer.from(body).equals(meant)).toBe(true)
        expect(readFileSync(path).equals(body)).toBe(true)
        const said = jsonOf(answer)
        expect(said).toMatchObject({ status: "stored", host_id: host, sha256: sha256Of(body), bytes: body.length })
        expect(said["content_sha256"]).toBe(await readByOthers(zlib.zstdDecompressSync(body)))
        expect(rows().at(-1)).toMatchObject({
          host_id: host,
          sha256: said["sha256"],
          content_sha256: said["content_sha256"],
          commit: COMMIT
        })
      }),
      part(0.25)
    ))

  it("leaves a store and an index that agree", () => {
    expect(stored().length).toBeGreaterThan(0)
    expect(
      rows()
        .map((row) => `${row["host_id"]}/${row["episode_id"]}.tar.zst`)
        .toSorted()
    ).toEqual(stored().toSorted())
    expect(receiver.leftBehind()).toEqual([])
    expectNoMistake()
  })
})

const said = fc.record(
  {
    host_id: fc.constantFrom("lab-1", "lab-2"),
    commit: fc.constant(COMMIT),
    version: fc.string(),
    instance_id: fc.string(),
    waiting: fc.nat()
  },
  { requiredKeys: ["host_id"] }
)

describe("a ping of anything", () => {
  it("is answered or refused, and remembered so that it can be read", () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(
          jsonNear(said).map((text) => new Uint8Array(Buffer.from(text))),
          anyBytes
        ),
        async (body) => {
          const answer = await send(receiver.port, {
            method: "POST",
            path: "/v1/ping",
            body,
            headers: { "content-length": String(body.length) }
          })
          if (answer.status === 200) expect(Schema.is(PingAnswer)(jsonOf(answer))).toBe(true)
          else expectRefusal(answer)
        }
      ),
      {
        ...part(0.25),
        examples: [`{"host_id":${"[".repeat(30_000)}${"]".repeat(30_000)}}`, "[".repeat(30_000)].map((text) => [
          new Uint8Array(Buffer.from(text))
        ])
      }
    ))

  it("leaves one legible file per host", () => {
    const files = readdirSync(receiver.hosts)
    expect(files.length).toBeGreaterThan(1)
    for (const file of files) {
      expect(file).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.json$/)
      expect(Schema.is(HostRow)(JSON.parse(readFileSync(join(receiver.hosts, file), "utf8")))).toBe(true)
    }
    expectNoMistake()
  })
})

const printable = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, "?").trim()
const headers = fc
  .dictionary(
    fc.constantFrom(
      "authorization",
      "content-type",
      "traceparent",
      "tracestate",
      "b3",
      "x-b3-traceid",
      "expect",
      "range",
      "cookie",
      "host",
      header.reprDigest,
      header.codeCommit,
      header.contentSha256
    ),
    textNear(
      fc.constantFrom(
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1",
        "Bearer x",
        COMMIT,
        reprDigestOf(new Uint8Array(0)),
        "application/json"
      )
    ).map(printable),
    { maxKeys: 5 }
  )
  .map(({ expect: _, ...headers }) => headers)
const path = fc
  .oneof(
    fc.constantFrom("/v1/health", "/v1/ping", "/v1/openapi.json", "/"),
    textNear(fc.constant(`/v1/episodes/lab-1/${EPISODE}`))
  )
  .map((path) => `/${path.replaceAll(/[^\x21-\x7e]/g, "%").slice(1)}`)

describe("a request of any kind", () => {
  it("has an answer of ours", () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"),
        path,
        headers,
        async (method, path, headers) => {
          // What is too long for the parser is refused before anybody knows that it was a HEAD: with a body.
          fc.pre(method !== "HEAD" || path.length + Object.values(headers).join().length < 12_000)
          const answer = await send(receiver.port, {
            method,
            path,
            headers: { "content-length": "0", ...headers },
            body: ""
          })
          if (answer.status === 200) expect(["GET", "HEAD"]).toContain(method)
          else if (answer.status === 204) expect(method).toBe("OPTIONS")
          else if (method === "HEAD") expect(STATUSES).toContain(answer.status)
          else expectRefusal(answer)
        }
      ),
      part(0.25)
    ))

  const requests = [
    `PUT /v1/episodes/lab-1/${EPISODE} HTTP/1.1\r\nHost: r\r\nContent-Length: 5\r\nRepr-Digest: ${reprDigestOf(Buffer.from("hello"))}\r\nX-Cis490-Code-Commit: ${COMMIT}\r\nConnection: close\r\n\r\nhello`,
    "GET /v1/health HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n",
    'POST /v1/ping HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\n{"hos\r\n0\r\n\r\n'
  ].map((text) => new Uint8Array(Buffer.from(text)))

  it("may be no HTTP at all: an answer of ours, or the end", () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof({ arbitrary: mutatedBytes(fc.constantFrom(...requests)), weight: 5 }, anyBytes),
        async (bytes) => {
          const { closed, socket, text, write } = connect(receiver.port)
          await write(bytes).catch(() => undefined)
          socket.end()
          await closed
          const first = /^(?:HTTP\/1\.1 100 Continue\r\n\r\n)?(?:HTTP\/1\.1 (\d{3}) |$)/.exec(text())
          expect(first, text()).not.toBeNull()
          expect(first?.[1]).not.toBe("500")
          await expectNothingLeft()
        }
      ),
      part(0.1)
    ))

  it("leaves a receiver that is well", async () => {
    expect((await send(receiver.port, { method: "GET", path: "/v1/health" })).status).toBe(200)
    expectNoMistake()
    expect(rows().length).toBe(stored().length)
  })
})
