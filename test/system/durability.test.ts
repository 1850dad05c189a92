/** The order in which things become durable, as the kernel was asked for it. A power cut may come between any two calls. */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { counts, makeBox } from "../support/shipperBox.ts"
import { type Call, link, outOfOrder, readTrace, rename, sync, tracedTo, unlink, write } from "../support/strace.ts"
import { bash, needTools } from "../support/tools.ts"

const receiver = makeReceiverBox()
const box = makeBox("")
afterAll(() => {
  receiver[Symbol.dispose]()
  box[Symbol.dispose]()
})

/** What the two programs did for the first episode of a host, and for its second. */
let received: ReadonlyArray<Call> = []
let shipped: ReadonlyArray<Call> = []

beforeAll(async () => {
  needTools("strace")
  const tried = await bash(box.home, "strace -o /dev/null true")
  if (tried.code !== 0) throw new Error(`this system does not let strace look at a program: ${tried.stderr}`)

  const [receiverTrace, shipperTrace] = [join(box.home, "receiver.trace"), join(box.home, "shipper.trace")]
  const running = await receiver.start({ under: tracedTo(receiverTrace) })
  box.configure({ receiver: { url: running.url }, shipper: { concurrency: 1 } })
  box.episode("E1", { "sub/data.bin": "x".repeat(3_000_000) })
  box.episode("E2")
  const ran = await box.once({ under: tracedTo(shipperTrace) })
  process.kill(running.ownPid, "SIGTERM")
  await running.ended
  expect(ran.counts, ran.stderr).toEqual(counts({ scanned: 2, shipped: 2 }))
  expect(readdirSync(receiver.paths.incoming_root)).toEqual([])
  received = readTrace(receiverTrace)
  shipped = readTrace(shipperTrace)
})

const SOCKET = /^(socket:|TCP)/
const part = (id: string) => new RegExp(`/incoming/lab-1~${id}~[^/]*\\.part$`)
const stored = (id: string) => new RegExp(`/store/lab-1/${id}\\.tar\\.zst$`)
const INDEX = /\/index\.jsonl$/
const answer = write(SOCKET, /"HTTP\/1\.1 201 /)

test("receiver: body, name, directory, row, answer", () => {
  const steps = [
    write(part("E1")),
    sync(part("E1")),
    link(part("E1"), stored("E1")),
    sync(/\/store\/lab-1$/),
    write(INDEX, /schema_version/),
    sync(INDEX),
    answer
  ]
  expect(outOfOrder(received, steps)).toBe(undefined)
})

test("receiver: the name in incoming/ goes after the answer", () => {
  expect(outOfOrder(received, [answer, unlink(part("E1"))])).toBe(undefined)
})

test("receiver: nothing of the body is written after it was synced", () => {
  const late = outOfOrder(received, [sync(part("E1")), write(part("E1"))])
  expect(late).toMatch(/only came before/)
})

test("receiver: the directory of a new host is durable before the answer", () => {
  const made = {
    what: "mkdir of the host's directory",
    is: (call: Call) => call.name === "mkdir" && /\/store\/lab-1"/.test(call.args)
  }
  expect(outOfOrder(received, [made, sync(/\/store$/), write(INDEX), sync(INDEX), answer])).toBe(undefined)
})

test("receiver: the second episode takes the same way", () => {
  const first = [sync(part("E1")), answer]
  const second = [
    sync(part("E2")),
    link(part("E2"), stored("E2")),
    sync(/\/store\/lab-1$/),
    write(INDEX),
    sync(INDEX),
    answer
  ]
  expect(outOfOrder(received, [...first, ...second])).toBe(undefined)
})

test("shipper: tarball, its name, its directory, and only then a byte of it is sent", () => {
  const steps = [
    write(/\/outbox\/E1\.tar\.zst\.partial$/),
    sync(/\/outbox\/E1\.tar\.zst\.partial$/),
    rename(/\/outbox\/E1\.tar\.zst\.partial$/, /\/outbox\/E1\.tar\.zst$/),
    sync(/\/outbox$/),
    write(SOCKET, /"PUT \/v1\/episodes\/lab-1\/E1 /)
  ]
  expect(outOfOrder(shipped, steps)).toBe(undefined)
})

test("shipper: receipt, its directory, then the episode moves; its tarball goes last", () => {
  const draft = /\/state\/drafts\/E1\.receipt$/
  const steps = [
    write(SOCKET, /"PUT \/v1\/episodes\/lab-1\/E1 /),
    write(draft),
    sync(draft),
    rename(draft, /\/shipped\/E1\.receipt\.json$/),
    sync(/\/shipped$/),
    rename(/\/episodes\/E1$/, /\/shipped\/E1$/),
    sync(/\/shipped$/),
    sync(/\/episodes$/),
    unlink(/\/outbox\/E1\.tar\.zst$/)
  ]
  expect(outOfOrder(shipped, steps)).toBe(undefined)
})

test("shipper: no episode leaves its place before the receipt stands", () => {
  const early = outOfOrder(shipped, [
    rename(/\/episodes\/E1$/, /\/shipped\/E1$/),
    rename(/\.receipt$/, /\/shipped\/E1\.receipt\.json$/)
  ])
  expect(early).toMatch(/only came before/)
})
