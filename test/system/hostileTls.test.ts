/** The same where the receiver ends TLS itself: garbage instead of a handshake, and certificates that should let nobody in. */
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as tls from "node:tls"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Bytes, holdings, type Manners, untilLetGo, visit } from "../support/attack.ts"
import { type Issued, makeAuthority, type Wanted } from "../support/authority.ts"
import { EPISODE, makeEpisode } from "../support/episode.ts"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { needTools } from "../support/tools.ts"
import { reprDigestOf, until } from "../support/wire.ts"

needTools("openssl")
const pki = fs.mkdtempSync(join(tmpdir(), "cis490-pki-"))
const lab = makeAuthority(pki, "lab")
const stranger = makeAuthority(pki, "stranger")
const server = lab.issue({ subject: "/CN=localhost", names: "DNS:localhost,IP:127.0.0.1" })
const box = makeReceiverBox({ tls: { cert: server.cert, key: server.key, client_ca: lab.cert } })
let receiver: Awaited<ReturnType<typeof box.start>>
let before: ReturnType<typeof holdings>

const as = ({ cert, key }: Issued): tls.ConnectionOptions => ({
  cert: fs.readFileSync(cert),
  key: fs.readFileSync(key),
  ca: fs.readFileSync(lab.cert),
  servername: "localhost"
})
const nobody: tls.ConnectionOptions = { ca: fs.readFileSync(lab.cert), servername: "localhost" }

const good = makeEpisode()
const uploadTo = (hostId: string, episodeId: string = EPISODE): ReadonlyArray<Bytes> => [
  [
    `PUT /v1/episodes/${hostId}/${episodeId} HTTP/1.1`,
    "host: receiver",
    "connection: close",
    `content-length: ${good.tarball.length}`,
    `repr-digest: ${reprDigestOf(good.tarball)}`,
    "",
    ""
  ].join("\r\n"),
  good.tarball
]

let uploads = 0
const stored: Array<string> = []
/** Another lab host, that keeps to the rules. */
const uploadWell = async (): Promise<void> => {
  const hostId = `good-${uploads++}`
  stored.push(`${hostId}/${EPISODE}.tar.zst`)
  const { statuses, text } = await visit(receiver.port, uploadTo(hostId), { secure: as(issuedFor(hostId)) })
  expect(statuses, text).toEqual([201])
}
const issuedFor = (hostId: string): Issued => lab.issue({ subject: `/CN=${hostId}` })

const expectNothingElse = async (): Promise<void> => {
  await until(() => box.incoming().length === 0)
  expect(box.store()).toEqual(stored.toSorted())
  await untilLetGo(receiver.ownPid, before.descriptors)
}

beforeAll(async () => {
  receiver = await box.start()
  for (let i = 0; i < 5; i++) await uploadWell()
  await until(() => box.incoming().length === 0)
  before = holdings(receiver.ownPid)
})
afterAll(async () => {
  await receiver.stop("SIGKILL")
  box[Symbol.dispose]()
  fs.rmSync(pki, { recursive: true, force: true })
})

const PAST = { from: "20200101000000Z", until: "20210101000000Z" }
const FUTURE = { from: "20900101000000Z", until: "20910101000000Z" }

/** What lets nobody in as lab-1: `stranger` says another authority than the lab's issued it. */
const certificates: ReadonlyArray<
  Wanted & { readonly what: string; readonly by?: typeof lab; readonly status: number }
> = [
  { what: "expired", subject: "/CN=lab-1", ...PAST, status: 403 },
  { what: "not valid yet", subject: "/CN=lab-1", ...FUTURE, status: 403 },
  { what: "of another authority", subject: "/CN=lab-1", by: stranger, status: 403 },
  { what: "for another host", subject: "/CN=lab-2", status: 403 },
  { what: "for this host by its CN, another by its names", subject: "/CN=lab-1", names: "DNS:lab-2", status: 403 },
  { what: "with an address for a name", subject: "/O=x", names: "IP:127.0.0.1", status: 403 },
  { what: "with a URI that ends like it", subject: "/O=x", names: "URI:https://x/lab-1", status: 403 },
  { what: "with a mailbox for a name", subject: "/O=x", names: "email:lab-1@x.example", status: 403 },
  { what: "with a wildcard", subject: "/O=x", names: "DNS:*", status: 403 },
  { what: "with a wildcard below", subject: "/O=x", names: "DNS:lab-*", status: 403 },
  { what: "in capitals", subject: "/CN=LAB-1", status: 403 },
  { what: "with a space behind", subject: "/CN=lab-1 ", status: 403 },
  { what: "with a dot behind", subject: "/CN=lab-1.", status: 403 },
  { what: "without a name", subject: "/", status: 403 },
  { what: "with the name in the organisation", subject: "/O=lab-1", status: 403 },
  { what: "with the name as another part of the CN", subject: "/CN=lab-2, CN=lab-1", status: 403 },
  { what: "with two CNs", subject: "/CN=lab-2/CN=lab-1", status: 403 },
  { what: "with a name in quotes", subject: '/CN="lab-1"', status: 403 },
  { what: "with letters that look alike", subject: "/CN=lаb-1", status: 403 },
  { what: "with a line break", subject: "/CN=lab-1\nlab-2", status: 403 },
  { what: "with a control sequence", subject: "/CN=\x1b[2Jlab-1", status: 403 },
  { what: "with an entry within an entry", subject: "/O=x", names: "otherName:1.2.3.4;UTF8:DNS:lab-1", status: 403 },
  {
    what: "with 500 other names",
    subject: "/O=x",
    names: Array.from({ length: 500 }, (_, i) => `DNS:other-${i}`).join(","),
    status: 403
  },
  { what: "for servers only", subject: "/CN=lab-1", extensions: ["extendedKeyUsage=serverAuth"], status: 403 }
]

test.each(certificates)("a certificate $what does not write as lab-1", async ({
  by = lab,
  status,
  what: _,
  ...wanted
}) => {
  const secure = as(by.issue(wanted))
  const attack = visit(receiver.port, uploadTo("lab-1"), { secure })
  await uploadWell()
  const { statuses, text } = await attack
  expect(statuses, text).toEqual([status])
  expect(JSON.parse(text.slice(text.indexOf("\r\n\r\n")))).toMatchObject({ error: expect.any(String) })
  await expectNothingElse()
})

test.each([
  ["CN", "lab-1", { subject: "/CN=lab-1" }],
  ["one of its names", "lab-4", { subject: "/CN=other", names: "DNS:a.example,DNS:lab-4,IP:127.0.0.1" }]
])("a certificate of which %s is the host writes as it", async (_, hostId, wanted) => {
  stored.push(`${hostId}/${EPISODE}.tar.zst`)
  const { statuses, text } = await visit(receiver.port, uploadTo(hostId), { secure: as(lab.issue(wanted)) })
  expect(statuses, text).toEqual([201])
  await expectNothingElse()
})

test("who shows no certificate is told so; without one there is only the question for health", async () => {
  const { statuses, text } = await visit(receiver.port, uploadTo("lab-3"), { secure: nobody })
  expect(statuses, text).toEqual([401])
  const health = "GET /v1/health HTTP/1.1\r\nhost: r\r\nconnection: close\r\n\r\n"
  expect((await visit(receiver.port, [health], { secure: nobody })).statuses).toEqual([200])
  await expectNothingElse()
})

const hello = Buffer.from("16030100c5010000c10303", "hex")
const garbage: ReadonlyArray<readonly [what: string, bytes: ReadonlyArray<Bytes>, manners?: Manners]> = [
  ["HTTP without TLS", uploadTo("lab-1")],
  ["zeros", [Buffer.alloc(65_536)]],
  ["half a handshake", [hello], { endsEarly: true }],
  ["half a handshake, and gone", [hello], { resets: true }],
  ["a handshake with nonsense in it", [hello, Buffer.alloc(300, 0xff)]],
  [
    "a handshake of SSL 2",
    [
      Buffer.from(
        "802e0100020015000000100100800200800300800400800500800600400700c0000000000000000000000000000000000000",
        "hex"
      )
    ]
  ],
  ["a record larger than any", [Buffer.from("160303ffff", "hex"), Buffer.alloc(65_535)]],
  ["an alert before anything else", [Buffer.from("15030300020230", "hex")]]
]
test.each(
  garbage.map(([what, bytes, manners]) => ({ what, bytes, manners }))
)("$what: the connection is closed, and others are served", async ({ bytes, manners }) => {
  const attack = visit(receiver.port, bytes, manners)
  await uploadWell()
  const { statuses } = await attack
  expect(statuses).toEqual([])
  await expectNothingElse()
})

test("a connection is not negotiated anew, whoever asks", async () => {
  const socket = tls.connect({
    ...as(issuedFor("lab-1")),
    host: "127.0.0.1",
    port: receiver.port,
    maxVersion: "TLSv1.2"
  })
  await new Promise((resolve) => socket.once("secureConnect", resolve))
  socket.on("error", () => undefined)
  const refused = await new Promise((resolve) => {
    socket.once("close", () => resolve("closed"))
    socket.renegotiate({}, (error) => resolve(error === null ? "done" : "refused"))
  })
  expect(["closed", "refused"]).toContain(refused)
  socket.destroy()
  await uploadWell()
  await expectNothingElse()
})

test("TLS 1.1 is not spoken", async () => {
  const secure = { ...nobody, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const
  expect((await visit(receiver.port, uploadTo("lab-1"), { secure })).text).toBe("")
  await expectNothingElse()
})

test("200 connections that never finish their handshake are cut, and others are served", async () => {
  const held = Array.from({ length: 200 }, (_, i) => visit(receiver.port, i % 2 === 0 ? [] : [hello]))
  for (let i = 0; i < 5; i++) await uploadWell()
  for (const { statuses } of await Promise.all(held)) expect(statuses).toEqual([])
  await expectNothingElse()
})

test("nothing that came in stands raw in the log, and memory has come back", () => {
  const log = receiver.stderr()
  // oxlint-disable-next-line no-control-regex
  expect(log.match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g)).toBeNull()
  for (const line of log.trimEnd().split("\n")) expect(line).toMatch(/^<[2-7]>\S/)
  expect(holdings(receiver.ownPid).resident - before.resident).toBeLessThan(64 * 1024 * 1024)
})
