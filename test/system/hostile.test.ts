/**
 * What comes in from clients that are broken or mean harm. Whatever it is: it gets the right status or a closed connection, a
 * well-behaved upload goes through beside it, nothing of it is kept, and what it cost comes back.
 */
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Bytes, holdings, type Manners, untilLetGo, visit } from "../support/attack.ts"
import { EPISODE, makeEpisode, putOf } from "../support/episode.ts"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { reprDigestOf, send, until } from "../support/wire.ts"

const MIB = 1024 * 1024
const SLOTS = 8

const box = makeReceiverBox({ limits: { body_idle_timeout_s: 2, max_concurrent_uploads: SLOTS } })
let receiver: Awaited<ReturnType<typeof box.start>>
let before: ReturnType<typeof holdings>

const good = makeEpisode()
let uploads = 0
const stored: Array<string> = []
/** Another lab host, that keeps to the rules. */
const uploadWell = async (): Promise<void> => {
  const hostId = `good-${uploads++}`
  stored.push(`${hostId}/${EPISODE}.tar.zst`)
  const answer = await send(receiver.port, { ...putOf(good.tarball), path: `/v1/episodes/${hostId}/${EPISODE}` })
  expect(answer.status, answer.text).toBe(201)
}

/** Nothing is there but what came well. A name in `incoming/` goes a moment after its answer. */
const expectNothingElse = async (): Promise<void> => {
  await until(() => box.incoming().length === 0)
  expect(box.store()).toEqual(stored.toSorted())
  expect(box.rows()).toHaveLength(stored.length)
  await untilLetGo(receiver.ownPid, before.descriptors)
}

beforeAll(async () => {
  receiver = await box.start()
  // Warm: what is loaded and pooled once stays.
  for (let i = 0; i < 20; i++) await uploadWell()
  await until(() => box.incoming().length === 0)
  before = holdings(receiver.ownPid)
})
afterAll(async () => {
  await receiver.stop("SIGKILL")
  box[Symbol.dispose]()
})

const BODY = good.tarball
const LENGTH = `content-length: ${BODY.length}`
const DIGEST = `repr-digest: ${reprDigestOf(BODY)}`
const CLOSE = "connection: close"
const PATH = `/v1/episodes/evil/${EPISODE}`

/** An upload that would be good, but for these fields or this path. */
const put = (fields: ReadonlyArray<string>, path = PATH, version = "HTTP/1.1"): ReadonlyArray<Bytes> => [
  `PUT ${path} ${version}\r\nhost: receiver\r\n${fields.join("\r\n")}\r\n\r\n`,
  BODY
]
const upload = (...fields: ReadonlyArray<string>) => put([LENGTH, DIGEST, CLOSE, ...fields])
const to = (path: string) => put([LENGTH, DIGEST, CLOSE], path)
const chunked = (chunks: string) => put([DIGEST, "transfer-encoding: chunked"]).slice(0, 1).concat(chunks)
const health = (...fields: ReadonlyArray<string>) =>
  `GET /v1/health HTTP/1.1\r\nhost: r\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`

type Row = readonly [
  what: string,
  bytes: ReadonlyArray<Bytes>,
  statuses: ReadonlyArray<number>,
  manners?: Manners | undefined
]

const smuggling: ReadonlyArray<Row> = [
  ["Content-Length with Transfer-Encoding", upload("transfer-encoding: chunked"), [400]],
  ["Transfer-Encoding with Content-Length", put(["transfer-encoding: chunked", LENGTH, DIGEST]), [400]],
  ["Transfer-Encoding alone", chunked("5\r\nabcde\r\n0\r\n\r\n"), [411]],
  ["a Transfer-Encoding that is none", put([DIGEST, "transfer-encoding: xchunked"]), [411]],
  ["Transfer-Encoding: chunked, identity", put([DIGEST, "transfer-encoding: chunked, identity"]), [400]],
  ["Transfer-Encoding twice", put([DIGEST, "transfer-encoding: chunked", "transfer-encoding: chunked"]), [400]],
  ["Transfer-Encoding behind a vertical tab", upload("transfer-encoding: \x0bchunked"), [400]],
  ["Transfer-Encoding with a tab before its colon", upload("transfer-encoding\t: chunked"), [400]],
  ["a chunk of negative size", chunked("-5\r\nabcde\r\n0\r\n\r\n"), [411]],
  ["a chunk larger than any number", chunked("fffffffffffffffff\r\nabcde\r\n0\r\n\r\n"), [411]],
  ["a trailer that is a length", chunked("0\r\ncontent-length: 5\r\n\r\n"), [411]],
  ["Content-Length twice, the same", upload(LENGTH), [400]],
  ["Content-Length twice, not the same", upload("content-length: 3"), [400]],
  ["Content-Length as a list", put([`content-length: ${BODY.length}, ${BODY.length}`, DIGEST]), [400]],
  ["Content-Length with a sign", put([`content-length: +${BODY.length}`, DIGEST]), [400]],
  ["Content-Length below nothing", put(["content-length: -1", DIGEST]), [400]],
  ["Content-Length in hexadecimal", put(["content-length: 0xe0", DIGEST]), [400]],
  ["Content-Length with a space in it", put(["content-length: 2 24", DIGEST]), [400]],
  ["Content-Length empty", put(["content-length: ", DIGEST]), [400]],
  ["Content-Length beyond 64 bits", put(["content-length: 99999999999999999999", DIGEST]), [400]],
  ["Content-Length beyond 53 bits", put(["content-length: 9007199254740993", DIGEST, CLOSE]), [413]],
  ["no Content-Length", put([DIGEST, CLOSE]).slice(0, 1), [411]],
  ["a folded header", upload("x-a: one\r\n two"), [400]],
  ["a folded Content-Length", put([`content-length:\r\n ${BODY.length}`, DIGEST]), [400]],
  [
    "a first header that begins with a space",
    put([LENGTH, DIGEST]).map((part) => (typeof part === "string" ? part.replace("host", " host") : part)),
    [400]
  ],
  [
    "lines that end in LF",
    put([LENGTH, DIGEST]).map((part) => (typeof part === "string" ? part.replaceAll("\r\n", "\n") : part)),
    [400]
  ],
  ["one line that ends in LF", upload("x-a: one\nx-b: two"), [400]],
  ["a CR alone", upload("x-a: one\rx-b: two"), [400]],
  ["a space before a colon", upload("x-a : one"), [400]],
  ["a space in a name", upload("x a: one"), [400]],
  ["a line without a colon", upload("nonsense"), [400]],
  ["a header without a name", upload(": one"), [400]],
  [
    "a second request hidden behind a body that is refused",
    [`PUT ${PATH} HTTP/1.1\r\nhost: r\r\ncontent-length: 400\r\n\r\n`, ...upload()],
    [400],
    { endsEarly: true }
  ]
]

const odd: ReadonlyArray<Row> = [
  ["one header of 17 KiB", upload(`x: ${"y".repeat(17_000)}`), [431]],
  ["3,000 headers", upload(...Array.from({ length: 6000 }, () => "a:")), [431]],
  ["a path of 20 KB", to(`/${"a".repeat(20_000)}`), [431]],
  ["NUL in a value", upload("x: a\0b"), [400]],
  ["an escape sequence in a value", upload("x: \x1b[2J"), [400]],
  ["a control character in a name", upload("x\x01: b"), [400]],
  ["a name beyond ASCII", upload("x\xe9: b"), [400]],
  [
    "fields that JavaScript knows",
    put([LENGTH, CLOSE, "__proto__: repr-digest", "constructor: x", "hasOwnProperty: y"]),
    [400]
  ],
  ["no Host", [`PUT ${PATH} HTTP/1.1\r\n${LENGTH}\r\n${DIGEST}\r\n\r\n`, BODY], [400]],
  ["two digests", upload(DIGEST), [400]],
  ["a commit that moves the cursor", upload("x-cis490-code-commit: \x9b2J status=201"), [400]],
  ["two commits", upload(`x-cis490-code-commit: ${"a".repeat(40)}`, `x-cis490-code-commit: ${"b".repeat(40)}`), [400]],
  [
    "a traceparent that is none, beside a missing digest",
    put([LENGTH, CLOSE, "traceparent: 00-\x85evil level=error\x9b-b-01"]),
    [400]
  ],
  ["HTTP/1.0 without a length", put([DIGEST], PATH, "HTTP/1.0").slice(0, 1), [411]],
  ["HTTP/1.9", put([LENGTH, DIGEST], PATH, "HTTP/1.9"), [400]],
  ["HTTP/2 by prior knowledge", ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], [400]],
  [
    "h2c",
    [health("connection: Upgrade, HTTP2-Settings, close", "upgrade: h2c", "http2-settings: AAMAAABkAARAAAAAAAIAAAAA")],
    [200]
  ],
  ["a WebSocket", [health("connection: Upgrade, close", "upgrade: websocket")], [200]],
  ["a method in lower case", [`put ${PATH} HTTP/1.1\r\nhost: r\r\n\r\n`], [400]],
  ["a method that is none", ["BREW / HTTP/1.1\r\nhost: r\r\n\r\n"], [400]],
  ["TRACE", [`TRACE / HTTP/1.1\r\nhost: r\r\n${CLOSE}\r\n\r\n`], [404]],
  ["CONNECT", ["CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example\r\n\r\n"], []],
  ["OPTIONS *", [`OPTIONS * HTTP/1.1\r\nhost: r\r\n${CLOSE}\r\n\r\n`], [404]],
  ["DELETE of an episode", [`DELETE ${PATH} HTTP/1.1\r\nhost: r\r\n${CLOSE}\r\ncontent-length: 0\r\n\r\n`], [405]],
  ["POST that begins no upload", [`POST ${PATH} HTTP/1.1\r\nhost: r\r\n${CLOSE}\r\ncontent-length: 0\r\n\r\n`], [400]],
  ["a TLS handshake", [Buffer.from("16030100c5010000c10303", "hex"), Buffer.alloc(200, 7)], [400]],
  ["64 KiB of zeros", [Buffer.alloc(65_536)], [400]],
  ["Expect: something else", put([LENGTH, DIGEST, CLOSE, "expect: 200-ok"]), [417]],
  ["Expect: 100-continue before a refusal", put([LENGTH, "expect: 100-continue"]).slice(0, 1), [400]],
  // The first is answered before the rest is looked at.
  ["nonsense behind three good requests", [`${health().repeat(3)}nonsense\r\n\r\n`], [200]],
  ["half a request line, and the end", ["PUT /v1/epi"], [400], { endsEarly: true }],
  ["half a body, and the end", [...upload().slice(0, 1), BODY.subarray(0, 50)], [408], { endsEarly: true }],
  ["half a body, and gone", [...upload().slice(0, 1), BODY.subarray(0, 50)], [], { resets: true }],
  ["a whole body, and gone before it is answered with a refusal", put([LENGTH, CLOSE]), [], { resets: true }],
  [
    "32 MiB behind a refusal",
    [`PUT ${PATH} HTTP/1.1\r\nhost: r\r\ncontent-length: ${32 * MIB}\r\n\r\n`, Buffer.alloc(32 * MIB)],
    [400]
  ],
  [
    "a body of other content than announced",
    put([LENGTH, `repr-digest: ${reprDigestOf(Buffer.from("other"))}`, CLOSE]),
    [422]
  ],
  [
    "a body that is no archive",
    [
      `PUT ${PATH} HTTP/1.1\r\nhost: r\r\n${CLOSE}\r\ncontent-length: 5\r\nrepr-digest: ${reprDigestOf(Buffer.from("12345"))}\r\n\r\n12345`
    ],
    [422]
  ]
]

const paths: ReadonlyArray<Row> = [
  ...[
    "/v1/episodes/evil/%2e%2e",
    "/v1/episodes/evil/..",
    "/v1/episodes/../evil/E",
    "/v1/episodes/evil/../../../etc/passwd",
    "/v1/episodes/evil/a%2Fb",
    "/v1/episodes/evil/a%00",
    "/v1/episodes/evil/%252e%252e",
    "/v1/episodes/evil/%E2%80%AE",
    "/v1/episodes/evil//E",
    "/v1/episodes//E",
    "/v1/episodes/evil/E/",
    "/v1/episodes/evil/E#x",
    "/v1/episodes/evil/E;x=1",
    "/v1/episodes/evil/E\\..\\x",
    "/v1/episodes/evil/.E",
    "/v1/episodes/evil/-E",
    "/v1/episodes/evil/E~1",
    "/v1/episodes/evil/a%0d%0aset-cookie:x",
    "/v1/episodes/.lock/E",
    "/v1/episodes/__proto__/E",
    `/v1/episodes/evil/${"E".repeat(129)}`,
    `/v1/episodes/${"h".repeat(65)}/E`,
    "http://evil.example/v1/episodes/evil/.."
  ].map((path): Row => [path.slice(0, 60), to(path), [400]]),
  ...[
    "//v1/episodes/evil/E",
    `//evil.example${PATH}`,
    `ftp://evil.example${PATH}`,
    "/V1/episodes/evil/E",
    "/v1/./episodes/evil/E",
    "/v1%2Fepisodes/evil/E",
    "*"
  ].map((path): Row => [path, to(path), [404]]),
  ...["\x1b[2J", "\t", "\0", "\x7f", "\x9b2J", "\xc3\xa9"].map(
    (bytes): Row => [`a path with ${JSON.stringify(bytes)}`, to(`${PATH}${bytes}`), [400]]
  ),
  ["an absolute path to another name than is in the archive", to("http://evil.example/v1/episodes/evil/E"), [422]],
  ["a query that looks like a path", to("/v1/episodes/evil/E?/../../x"), [422]]
]

const rows = [...smuggling, ...odd, ...paths].map(([what, bytes, statuses, manners]) => ({
  what,
  bytes,
  statuses,
  manners
}))

test.each(rows)("$what", async ({ bytes, manners, statuses }) => {
  const attack = visit(receiver.port, bytes, manners)
  await uploadWell()
  const seen = await attack
  expect(seen.statuses, seen.text).toEqual(statuses)
  await expectNothingElse()
})

test("answers of our own are problem documents, and say that the connection ends", async () => {
  for (const bytes of [
    upload(LENGTH),
    upload(`x: ${"y".repeat(17_000)}`),
    chunked("0\r\n\r\n"),
    to("/v1/episodes/evil/..")
  ]) {
    const { text } = await visit(receiver.port, bytes)
    expect(text).toMatch(/^content-type: application\/problem\+json\r$/im)
    expect(text).toMatch(/^connection: close\r$/im)
    expect(JSON.parse(text.slice(text.indexOf("\r\n\r\n")))).toMatchObject({ error: expect.any(String) })
  }
})

test("who sends requests one behind the other gets the answers in order", async () => {
  const requests = [health(), `GET /nothing HTTP/1.1\r\nhost: r\r\n\r\n`, health(CLOSE)]
  expect((await visit(receiver.port, [requests.join("")])).statuses).toEqual([200, 404, 200])
})

test("an upload in HTTP/1.0, one that ends its side, and one that waits for 100 Continue are as good as any", async () => {
  const as = (hostId: string) => {
    stored.push(`${hostId}/${EPISODE}.tar.zst`)
    return `/v1/episodes/${hostId}/${EPISODE}`
  }
  expect((await visit(receiver.port, put([LENGTH, DIGEST], as("old"), "HTTP/1.0"))).statuses).toEqual([201])
  expect((await visit(receiver.port, put([LENGTH, DIGEST], as("half")), { endsEarly: true })).statuses).toEqual([201])
  const waits = put([LENGTH, DIGEST, CLOSE, "expect: 100-continue"], as("waits"))
  expect((await visit(receiver.port, waits)).statuses).toEqual([100, 201])
  await expectNothingElse()
})

test("600 connections that say nothing, bodies that stop, heads and bodies that drip: each is cut, others are served", async () => {
  const drip = (everyMillis: number): Manners => ({ drips: { piece: "x", everyMillis } })
  const head = put([`content-length: ${64 * MIB}`, DIGEST], "/v1/episodes/slow/E1").slice(0, 1)
  const silent = Array.from({ length: 600 }, () => visit(receiver.port, []))
  const visits: ReadonlyArray<
    readonly [what: string, seen: Promise<{ statuses: ReadonlyArray<number> }>, statuses: ReadonlyArray<number>]
  > = [
    ["a head that drips", visit(receiver.port, ["GET /v1/health HTTP/1.1\r\nx: "], drip(200)), [408]],
    ["a head that stops", visit(receiver.port, ["GET /v1/health HTTP/1.1\r\n"]), [408]],
    ["HTTP/0.9", visit(receiver.port, ["GET /v1/health\r\n"]), [408]],
    ["empty lines", visit(receiver.port, ["\r\n".repeat(500)]), [408]],
    ["a body that never begins", visit(receiver.port, head), [408]],
    ["a body that stops", visit(receiver.port, [...head, BODY]), [408]],
    // Slow enough to be no upload, fast enough never to stand still: it takes a minute to tell.
    [
      "a body that drips",
      visit(receiver.port, put([`content-length: ${64 * MIB}`, DIGEST], "/v1/episodes/drip/E1").slice(0, 1), drip(100)),
      [408]
    ]
  ]
  for (let i = 0; i < 20; i++) await uploadWell()
  for (const [what, seen, statuses] of visits) expect([what, (await seen).statuses]).toEqual([what, statuses])
  for (const { statuses } of await Promise.all(silent)) expect(statuses).toEqual([408])
  await expectNothingElse()
})

test("one host that holds all the places it can get leaves the others theirs", async () => {
  const hold = () =>
    visit(receiver.port, [...put([`content-length: ${MIB}`, DIGEST], "/v1/episodes/greedy/E1").slice(0, 1), BODY])
  const held = Array.from({ length: SLOTS * 2 }, hold)
  for (let i = 0; i < 10; i++) await uploadWell()
  const statuses = (await Promise.all(held)).map((seen) => seen.statuses[0]).toSorted()
  expect(statuses).toEqual([...Array(SLOTS / 2).fill(408), ...Array(SLOTS + SLOTS / 2).fill(429)])
  await expectNothingElse()
})

test("nothing that came in stands raw in the log", () => {
  const log = receiver.stderr()
  // oxlint-disable-next-line no-control-regex
  expect(log.match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g)).toBeNull()
  for (const line of log.trimEnd().split("\n")) expect(line).toMatch(/^<[2-7]>\S/)
  expect(log).not.toMatch(/^<\d>[^"]* set-cookie/m)
})

test("memory has come back to where it was", () => {
  expect(holdings(receiver.ownPid).resident - before.resident).toBeLessThan(64 * MIB)
})
