/** An upload that takes long, by the real programs in the simulated world: nothing else waits for it. */
import { expect, it } from "vitest"
import type { Call } from "./kernel/call.ts"
import { makeRandom } from "./kernel/random.ts"
import { COMMIT, DATA, makeSmallLab, put, type SmallLabOptions } from "./kernel/smallLab.ts"

const MINUTE = 60_000
const KIB = 1024

/** One host on a slow line, whose large episode `E2` takes five minutes of it. */
const makeLab = (shipper = "", options: Pick<SmallLabOptions, "decide" | "passage"> = {}) => {
  const lab = makeSmallLab({ seed: 1, hosts: 1, episodes: 0, ...options })
  const [host] = lab.hosts
  if (host === undefined) throw new Error("no host")
  const config = `host_id = "lab-1"\n[receiver]\nurl = "http://receiver:8490"\nbearer_token = "of-all-hosts"\n`
  put(host.disk, "/etc/cis490/lab-host.toml", `${config}[shipper]\nrate_limit = ${32 * KIB}\n${shipper}`)
  const record = (id: string, telemetry = ""): void => {
    const directory = `${DATA}/episodes/${id}`
    put(host.disk, `${directory}/meta.json`, JSON.stringify({ code_version: { commit: COMMIT } }))
    for (const name of ["events.jsonl", "labels.jsonl"]) put(host.disk, `${directory}/${name}`, "")
    put(host.disk, `${directory}/telemetry-proc.jsonl`, telemetry)
    put(host.disk, `${directory}/done.marker`, "")
  }
  const random = makeRandom(2)
  /** Of 64 signs: a quarter of it is packed away. */
  const noise = (bytes: number) =>
    Array.from({ length: bytes }, () => String.fromCharCode(48 + random.int(64))).join("")
  record("E2", noise(12_000 * KIB))
  const told = (words: string): ReadonlyArray<string> => lab.world.history.filter((line) => line.includes(words))
  return {
    record,
    noise,
    runFor: lab.runFor,
    start: () => [lab.receiver, host].map(lab.start),
    told,
    /** In order. */
    shipped: () => told("shipped episode=").map((line) => line.replace(/.*episode=(\S+).*/, "$1"))
  }
}

it("what comes meanwhile is seen within a minute or so, and the upload costs nothing twice", () => {
  const { noise, record, runFor, shipped, start, told } = makeLab()
  start()
  runFor(MINUTE / 2)
  record("E1")
  record("E3")
  // One append after a minute has gone, and at once.
  runFor(MINUTE / 2 + 5000)
  expect(shipped().toSorted()).toEqual(["E1", "E3"])
  runFor(MINUTE / 2)
  runFor(5 * MINUTE)
  expect(shipped().slice(2)).toEqual(["E2"])
  expect(told("net.accept POST /v1/episodes/lab-1/E2").length).toBe(1)
  // Once a minute, and nobody has to read of it.
  expect(told("net.accept HEAD /v1/uploads/").length).toBe(4)
  expect(told("going on with an upload")).toEqual([])
  expect(told("not shipped")).toEqual([])
  // What had been sent before is no speed.
  const rates = told("in flight: E2").flatMap((line) => /([\d.]+) KiB\/s/.exec(line)?.[1] ?? [])
  expect(Math.max(...rates.map(Number))).toBeLessThan(40)
  expect(told("MiB/s")).toEqual([])
  record("E4", noise(40 * KIB))
  runFor(MINUTE)
  expect(shipped().at(-1)).toBe("E4")
  // For this line that is much.
  expect(told("net.accept PUT /v1/episodes/lab-1/E4")).toEqual([])
})

it("the newest goes first, also where one goes at a time", () => {
  const { record, runFor, shipped, start } = makeLab('concurrency = 1\norder = "newest-first"\n')
  start()
  runFor(MINUTE / 2)
  record("E3")
  record("E1")
  runFor(MINUTE)
  expect(shipped()).toEqual(["E3"])
  runFor(5 * MINUTE)
  expect(shipped()).toEqual(["E3", "E2", "E1"])
})

it("a stop by another episode is said at once and once, and ends the pass: the way is tried again while the upload gets on", () => {
  let refused = false
  const passage: SmallLabOptions["passage"] = ({ request }) => {
    if (refused || !request.target.endsWith("/E3")) return {}
    refused = true
    return { trouble: { _tag: "Refused" } }
  }
  const { record, runFor, shipped, start, told } = makeLab("", { passage })
  record("E3")
  start()
  runFor(1000)
  expect(told("nothing is being shipped").length).toBe(1)
  runFor(MINUTE)
  expect(shipped()).toEqual(["E3"])
  runFor(6 * MINUTE)
  expect(shipped()).toEqual(["E3", "E2"])
  expect(told("nothing is being shipped").length).toBe(1)
  expect(told("shipping again").length).toBe(1)
  expect(told("net.accept POST /v1/episodes/lab-1/E2").length).toBe(1)
})

it("one that stops every pass holds up no upload that gets on", () => {
  const passage: SmallLabOptions["passage"] = ({ request }) =>
    request.target.endsWith("/E3") ? { trouble: { _tag: "Refused" } } : {}
  const { record, runFor, shipped, start, told } = makeLab("", { passage })
  record("E3")
  start()
  runFor(7 * MINUTE)
  expect(shipped()).toEqual(["E2"])
  expect(told("nothing is being shipped").length).toBe(1)
})

it("one that is answered with Retry-After is left alone so long, and the upload goes on meanwhile", () => {
  let asked = 0
  const passage: SmallLabOptions["passage"] = ({ request }) => {
    if (!request.target.endsWith("/E3")) return {}
    asked++
    const headers = { "retry-after": "60", "content-length": "2", "content-type": "application/json" }
    return { trouble: { _tag: "Answered", when: "body", answer: { status: 507, headers, body: "{}" } } }
  }
  const { record, runFor, shipped, start, told } = makeLab("", { passage })
  record("E3")
  start()
  runFor(7 * MINUTE)
  expect(shipped()).toEqual(["E2"])
  expect(asked).toBeGreaterThan(5)
  expect(asked).toBeLessThanOrEqual(8)
  expect(told("shipping again")).toEqual([])
})

it("the newest first, and more than the line carries: what has been begun comes to its end all the same", () => {
  const { noise, record, runFor, shipped, start, told } = makeLab('order = "newest-first"\n')
  start()
  for (const id of ["E3", "E4", "E5", "E6", "E7"]) {
    runFor(2 * MINUTE)
    record(id, noise(8_000 * KIB))
  }
  runFor(4 * MINUTE)
  expect(shipped().length).toBeGreaterThanOrEqual(2)
  expect(told("net.accept POST /v1/episodes/lab-1/E2").length).toBe(1)
})

it.each([
  "",
  "concurrency = 2",
  'order = "smallest-first"'
])("two of them, and small ones that go on coming, all arrive: %s", (shipper) => {
  const { noise, record, runFor, shipped, start, told } = makeLab(shipper)
  record("E5", noise(8_000 * KIB))
  start()
  for (const id of ["E1", "E3", "E4", "E6", "E7", "E8"]) {
    runFor(MINUTE)
    record(id)
  }
  runFor(3 * MINUTE)
  expect(shipped().length).toBe(8)
  expect(told("net.accept POST /v1/episodes/lab-1/").length).toBe(2)
})

it("makes no way while another is packed: the line would only stand still", () => {
  const isSlow = ({ method, target }: Call) => method === "read" && target.endsWith("/E3/telemetry-proc.jsonl")
  const decide: SmallLabOptions["decide"] = (_, call) => ({ latencyMillis: isSlow(call) ? MINUTE : 0.1 })
  const { record, runFor, shipped, start, told } = makeLab("", { decide })
  record("E3", "x".repeat(3 * 1024 * KIB))
  start()
  runFor(3 * MINUTE)
  expect(told("net.accept HEAD /v1/uploads/")).toEqual([])
  expect(told("in flight: E2").at(-1)).toMatch(/E2 6\d %/)
  runFor(3 * MINUTE)
  expect(shipped().toSorted()).toEqual(["E2", "E3"])
})
