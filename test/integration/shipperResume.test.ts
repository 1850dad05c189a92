/** Large tarballs over a link that is cut: real HTTP, a receiver that speaks the draft. */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { listenForDatagrams } from "../support/datagrams.ts"
import { type Asked, html, type Options, problem, type Script, startFakeUploads } from "../support/fakeUploads.ts"
import { COMMIT, counts, makeBox, untilRunning } from "../support/shipperBox.ts"
import { sha256Of } from "../support/wire.ts"

const MIB = 1024 * 1024
/** Nothing compresses it. */
const NOISE = randomBytes(4 * MIB)

const lab = async (play?: (asked: Asked) => Script, options?: Options) => {
  const receiver = await startFakeUploads(play, options)
  const box = makeBox(receiver.url, { shipper: { resume_above_bytes: MIB } })
  box.episode("E1", { "telemetry-net.pcap": NOISE })
  return {
    receiver,
    box,
    [Symbol.asyncDispose]: async () => {
      box[Symbol.dispose]()
      await receiver[Symbol.asyncDispose]()
    }
  }
}

const SHIPPED = counts({ scanned: 1, shipped: 1 })
const LATER = counts({ scanned: 1, transient_failures: 1 })

describe("a large tarball", () => {
  it("is announced without a body, and goes in appends", async () => {
    await using world = await lab()
    const { box, receiver } = world
    expect((await box.once()).counts).toEqual(SHIPPED)
    const [post, ...appends] = receiver.heard
    const length = receiver.travelled()
    expect(post).toMatchObject({
      method: "POST",
      path: "/v1/episodes/lab-1/E1",
      bytes: 0,
      headers: {
        "content-length": "0",
        "upload-complete": "?0",
        "upload-length": String(length),
        "upload-draft-interop-version": "8",
        "x-cis490-code-commit": COMMIT
      }
    })
    expect(post?.headers["repr-digest"]).toMatch(/^sha-256=:.+:$/)
    expect(post?.headers["x-cis490-content-sha256"]).toMatch(/^[0-9a-f]{64}$/)
    expect(appends.length).toBeGreaterThan(1)
    let at = 0
    for (const [i, { bytes, headers, method, path }] of appends.entries()) {
      expect({ method, path, headers }).toMatchObject({
        method: "PATCH",
        path: "/v1/uploads/u1",
        headers: {
          "content-type": "application/partial-upload",
          "content-length": String(bytes),
          "upload-offset": String(at),
          "upload-complete": i === appends.length - 1 ? "?1" : "?0",
          "upload-draft-interop-version": "8"
        }
      })
      at += bytes
    }
    expect(at).toBe(length)
    expect(box.names("outbox")).toEqual([])
    expect(box.names("shipped")).toEqual(["E1", "E1.receipt.json"])
  })

  it("costs nothing twice when the connection is cut in the middle of appends", async () => {
    await using world = await lab(({ method, nth }) =>
      method === "PATCH" && nth % 2 === 1 ? { cutAfter: 700_001 } : "good"
    )
    const { box, receiver } = world
    expect((await box.once()).counts).toEqual(SHIPPED)
    const stored = receiver.stored.get("/v1/episodes/lab-1/E1")
    expect(receiver.travelled()).toBe(stored?.bytes.length)
    expect(receiver.methods().slice(0, 5)).toEqual(["POST", "PATCH", "HEAD", "PATCH", "PATCH"])
    expect(receiver.methods()).not.toContain("PUT")
  })

  it("comes to its receipt when the last answer is lost", async () => {
    await using world = await lab(({ headers, method }) =>
      method === "PATCH" && headers["upload-complete"] === "?1" ? { cutAfter: 1e9 } : "good"
    )
    const { box, receiver } = world
    expect((await box.once()).counts).toEqual(SHIPPED)
    expect(receiver.methods().slice(-2)).toEqual(["HEAD", "POST"])
    expect(receiver.stored.size).toBe(1)
    expect(receiver.travelled()).toBe(receiver.stored.get("/v1/episodes/lab-1/E1")?.bytes.length)
  })

  it("that is no larger than the limit goes in one piece", async () => {
    await using world = await lab()
    const { box, receiver } = world
    box.configure({ shipper: { resume_above_bytes: 5 * MIB } })
    expect((await box.once()).counts).toEqual(SHIPPED)
    expect(receiver.methods()).toEqual(["PUT"])
  })

  it("obeys the receiver's limits on an append", async () => {
    const limit = "min-append-size=1200000, max-append-size=1500000, max-age=604800"
    await using world = await lab(undefined, { limit })
    const { box, receiver } = world
    expect((await box.once()).counts).toEqual(SHIPPED)
    const sizes = receiver.heard.filter(({ method }) => method === "PATCH").map(({ bytes }) => bytes)
    expect(Math.max(...sizes)).toBe(1_500_000)
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThanOrEqual(1_200_000)
  })
})

describe("a wrong offset", () => {
  it("is a question: the append goes on from where the receiver is", async () => {
    await using world = await lab(({ method, nth }) => {
      // The answer to an append that was taken in is lost to the shipper, and so is the first word on it.
      if (method === "PATCH" && nth === 2) return { cutAfter: 1e9 }
      if (method === "HEAD" && nth === 1)
        return { status: 204, headers: { "upload-offset": "1048576", "upload-complete": "?0" } }
      return "good"
    })
    const { counts: found, stderr } = await world.box.once()
    expect(found).toEqual(SHIPPED)
    expect(stderr).not.toContain("has less")
  })

  it("that goes back is followed, and logged", async () => {
    const receiver = await startFakeUploads(({ method, nth }) => {
      if (method === "PATCH" && nth === 2) {
        for (const upload of receiver.uploads.values()) {
          upload.pieces = [Buffer.concat(upload.pieces).subarray(0, 500_000)]
          upload.offset = 500_000
        }
      }
      return "good"
    })
    await using _ = receiver
    using box = makeBox(receiver.url, { shipper: { resume_above_bytes: MIB } })
    box.episode("E1", { "telemetry-net.pcap": NOISE })
    const { counts: found, stderr } = await box.once()
    expect(found).toEqual(SHIPPED)
    expect(stderr).toContain("has less of an upload")
  })

  it("that never gets on is left for a later pass", async () => {
    await using world = await lab(({ method }) =>
      method === "PATCH"
        ? { status: 409, headers: { "upload-offset": "0", "upload-complete": "?0" }, body: {} }
        : "good"
    )
    const { box, receiver } = world
    expect((await box.once()).counts).toEqual(LATER)
    expect(receiver.methods().filter((method) => method === "PATCH").length).toBeLessThan(10)
    expect(box.names("outbox")).toEqual(["E1.tar.zst", "E1.upload.json"])
  })
})

describe("an upload that is gone", () => {
  it("starts anew, once", async () => {
    await using world = await lab(({ method, nth }) => {
      if (method === "PATCH" && nth === 2) return problem(404, "there is no such upload")
      return "good"
    })
    const { box, receiver } = world
    expect((await box.once()).counts).toEqual(SHIPPED)
    expect(receiver.methods().filter((method) => method === "POST").length).toBe(2)
    expect(receiver.methods()).not.toContain("PUT")
  })

  it("is one that has more than there is of the tarball", async () => {
    await using world = await lab(({ method, nth }) =>
      method === "PATCH" && nth === 1
        ? { status: 204, headers: { "upload-offset": "99999999", "upload-complete": "?0" } }
        : "good"
    )
    const { box, receiver } = world
    expect((await box.once()).counts).toEqual(SHIPPED)
    expect(receiver.methods().slice(0, 4)).toEqual(["POST", "PATCH", "POST", "PATCH"])
  })

  it("a second time means the plain PUT, and for the next ones at once", async () => {
    await using world = await lab(({ method }) =>
      method === "PATCH" ? problem(410, "there is no such upload") : "good"
    )
    const { box, receiver } = world
    box.episode("E2", { "telemetry-net.pcap": NOISE })
    box.configure({ shipper: { resume_above_bytes: MIB, concurrency: 1 } })
    const { counts: found, stderr } = await box.once()
    expect(found).toEqual(counts({ scanned: 2, shipped: 2 }))
    expect(receiver.methods()).toEqual(["POST", "PATCH", "POST", "PATCH", "PUT", "PUT"])
    expect(stderr).toContain("whatever is cut starts anew")
  })

  it("is not believed to be gone because a proxy says so", async () => {
    await using world = await lab(({ method, nth }) => (method === "PATCH" && nth === 2 ? html(404) : "good"))
    const { box, receiver } = world
    expect((await box.once()).counts).toEqual(LATER)
    expect(receiver.methods()).toEqual(["POST", "PATCH", "PATCH"])
    expect(box.names("outbox")).toEqual(["E1.tar.zst", "E1.upload.json"])
    expect((await box.once()).counts).toEqual(SHIPPED)
    expect(receiver.methods().slice(3, 5)).toEqual(["HEAD", "PATCH"])
  })
})

describe("a receiver that does not know the draft", () => {
  it.each([
    ["its own 405", problem(405, "this path does not take that method")],
    ["its own 404", problem(404, "there is nothing under this path")],
    ["a proxy's 501", html(501)],
    ["a proxy's 403", html(403)],
    ["a 200 that is no receipt", { status: 200, body: { ok: true } }],
    ["a 201 without a place", { status: 201 }],
    ["a place on another origin", { status: 201, headers: { location: "http://127.0.0.1:1/v1/uploads/u1" } }]
  ])("gets the plain PUT: %s", async (_, said) => {
    await using world = await lab(({ method }) => (method === "POST" ? said : "good"))
    const { box, receiver } = world
    box.episode("E2", { "telemetry-net.pcap": NOISE })
    box.configure({ shipper: { resume_above_bytes: MIB, concurrency: 1 } })
    expect((await box.once()).counts).toEqual(counts({ scanned: 2, shipped: 2 }))
    // The second is not even tried otherwise.
    expect(receiver.methods()).toEqual(["POST", "PUT", "PUT"])
    expect(box.names("outbox")).toEqual([])
  })

  it("gets the plain PUT when only appends are refused on the way", async () => {
    await using world = await lab(({ method }) => (method === "PATCH" ? html(403) : "good"))
    const { box, receiver } = world
    expect((await box.once()).counts).toEqual(SHIPPED)
    expect(receiver.methods()).toEqual(["POST", "PATCH", "PUT"])
  })
})

describe("what something on the way says in place of the receiver", () => {
  it("costs no upload that is there: the next pass goes on with it", async () => {
    let portal = false
    await using world = await lab(({ method, nth }) => {
      if (method === "PATCH" && nth === 2) portal = true
      return portal ? (method === "PATCH" ? html(403) : { status: 200, body: "<html>log in</html>" }) : "good"
    })
    const { box, receiver } = world
    expect((await box.once()).counts).toEqual(LATER)
    expect(receiver.methods()).toEqual(["POST", "PATCH", "PATCH", "PUT"])
    expect(box.names("outbox")).toEqual(["E1.tar.zst", "E1.upload.json"])
    portal = false
    expect((await box.once()).counts).toEqual(SHIPPED)
    expect(receiver.methods().slice(4, 6)).toEqual(["HEAD", "PATCH"])
  })

  it("is learned from only when the receiver judges the plain PUT", async () => {
    await using world = await lab(({ method, nth }) =>
      method !== "PATCH" && nth === 1 ? { status: 200, body: "<html>log in</html>" } : "good"
    )
    const { box, receiver } = world
    await using daemon = box.daemon()
    await untilRunning(daemon, () => receiver.stored.size === 1)
    expect(receiver.methods().slice(0, 4)).toEqual(["POST", "PUT", "POST", "PATCH"])
    expect(receiver.methods().filter((method) => method === "PUT").length).toBe(1)
    await daemon.stop("SIGTERM")
  })
})

describe("a proxy that leaves out the fields of uploads", () => {
  const refusal = (status: number, name: string): Script => ({
    status,
    headers: { "content-type": "application/problem+json", "upload-complete": "?1" },
    body: { type: `urn:cis490:problem:${name}`, status, error: "missing or malformed header" }
  })

  it.each([
    [400, "bad-request"],
    [411, "length-required"]
  ])("gets the plain PUT, and the episode is blamed for nothing: %i", async (status, name) => {
    await using world = await lab(({ method }) => (method === "POST" ? refusal(status, name) : "good"))
    expect((await world.box.once()).counts).toEqual(SHIPPED)
    expect(world.receiver.methods()).toEqual(["POST", "PUT"])
  })

  it("gets the plain PUT when it does so to appends", async () => {
    await using world = await lab(({ method }) => (method === "PATCH" ? refusal(400, "bad-request") : "good"))
    expect((await world.box.once()).counts).toEqual(SHIPPED)
    expect(world.receiver.methods()).toEqual(["POST", "PATCH", "PUT"])
  })
})

it("goes in one piece where the least that the receiver takes is too large for something on the way", async () => {
  await using world = await lab(
    ({ headers, method }) => (method === "PATCH" && Number(headers["content-length"]) > 300_000 ? html(413) : "good"),
    { limit: "min-append-size=1200000" }
  )
  expect((await world.box.once()).counts).toEqual(SHIPPED)
  expect(world.receiver.methods()).toEqual(["POST", "PATCH", "PUT"])
})

it("sends smaller appends where something on the way takes no larger ones", async () => {
  await using world = await lab(({ headers, method }) =>
    method === "PATCH" && Number(headers["content-length"]) > 300_000 ? html(413) : "good"
  )
  const { box, receiver } = world
  expect((await box.once()).counts).toEqual(SHIPPED)
  expect(receiver.methods()).not.toContain("PUT")
  const refused = receiver.heard.filter(({ headers }) => Number(headers["content-length"]) > 300_000)
  expect(refused.length).toBeLessThan(4)
})

describe("what is refused when an upload is made", () => {
  it.each([
    [412, "out_of_window"],
    [413, "too_large"],
    [422, "invalid_archive"],
    [400, "bad_request"]
  ])("%i quarantines as %s, without a byte sent", async (status, reason) => {
    await using world = await lab(() => problem(status, "no"))
    const { box, receiver } = world
    expect((await box.once()).counts).toEqual(counts({ scanned: 1, fatal: 1 }))
    expect(receiver.travelled()).toBe(0)
    expect(box.json("quarantine/E1/quarantine_reason.json")).toMatchObject({ status_code: status, reason })
    expect(box.names("outbox")).toEqual([])
  })

  it("409 is a conflict", async () => {
    await using world = await lab(() => problem(409, "other content", { stored_sha256: "a".repeat(64) }))
    const { box, receiver } = world
    expect((await box.once()).counts).toEqual(counts({ scanned: 1, conflicts: 1 }))
    expect(receiver.methods()).toEqual(["POST"])
    expect(box.names("outbox")).toEqual(["E1.conflict.json"])
  })

  it.each([401, 403])("%i lets nothing in, and everything stays", async (status) => {
    await using world = await lab(() => problem(status, "no"))
    const { box, receiver } = world
    expect((await box.once()).counts).toEqual(LATER)
    expect(receiver.methods()).toEqual(["POST"])
    expect(box.names("episodes")).toEqual(["E1"])
  })

  it("503 is obeyed", async () => {
    await using world = await lab(() => problem(503, "not now"))
    const { box, receiver } = world
    expect((await box.once()).counts).toEqual(LATER)
    expect(receiver.methods()).toEqual(["POST"])
  })
})

it("a refusal in answer to the last append is the episode's", async () => {
  await using world = await lab(({ headers }) =>
    headers["upload-complete"] === "?1"
      ? { ...problem(412, "not in the window"), headers: { "upload-complete": "?1" } }
      : "good"
  )
  expect((await world.box.once()).counts).toEqual(counts({ scanned: 1, fatal: 1 }))
  expect(world.box.json("quarantine/E1/quarantine_reason.json")).toMatchObject({ reason: "out_of_window" })
})

it("what arrived damaged is packed anew, and its upload forgotten", async () => {
  await using world = await lab(({ headers, nth, method }) =>
    method === "PATCH" && headers["upload-complete"] === "?1" && nth < 5
      ? { ...problem(422, "digest mismatch: body"), headers: { "upload-complete": "?1" } }
      : "good"
  )
  const { box, receiver } = world
  expect((await box.once()).counts).toEqual(LATER)
  expect(box.names("outbox")).toEqual([])
  expect((await box.once()).counts).toEqual(SHIPPED)
  expect(receiver.methods().filter((method) => method === "POST").length).toBe(2)
})

describe("a link that stays away", () => {
  it("ends the send, and the next pass goes on", async () => {
    let away = true
    await using world = await lab(({ method, nth }) => {
      if (method === "PATCH" && nth === 1) return { cutAfter: 800_000 }
      return away && method !== "POST" ? { cutAfter: 0 } : "good"
    })
    const { box, receiver } = world
    expect((await box.once()).counts).toEqual(LATER)
    expect(receiver.methods().filter((method) => method === "HEAD").length).toBeLessThan(6)
    expect(box.names("outbox")).toEqual(["E1.tar.zst", "E1.upload.json"])
    expect(box.json("outbox/E1.upload.json")).toEqual({
      url: `${receiver.url}/v1/uploads/u1`,
      host_id: "lab-1",
      sha256: sha256Of(fs.readFileSync(box.path("outbox/E1.tar.zst"))),
      bytes: fs.statSync(box.path("outbox/E1.tar.zst")).size
    })
    away = false
    expect((await box.once()).counts).toEqual(SHIPPED)
    expect(receiver.methods().filter((method) => method === "POST").length).toBe(1)
    expect(receiver.travelled()).toBe(receiver.stored.get("/v1/episodes/lab-1/E1")?.bytes.length)
  })

  it("at the first question is asked once more, and ends the send", async () => {
    await using world = await lab(() => ({ cutAfter: 0 }))
    expect((await world.box.once()).counts).toEqual(LATER)
    expect(world.receiver.methods()).toEqual(["POST", "POST"])
  })
})

it("once sends to the end what it has in hand, whatever stops the pass", async () => {
  const stops = ({ method }: Asked): Script => (method === "PUT" ? problem(503, "cannot store") : "good")
  await using world = await lab(stops, { limit: "max-append-size=65536" })
  const { box, receiver } = world
  box.episode("E2")
  const ran = await box.once()
  expect([ran.code, ran.counts]).toEqual([1, counts({ scanned: 2, shipped: 1, transient_failures: 1 })])
  expect(ran.stderr.match(/nothing is being shipped/g)?.length).toBe(1)
  expect(receiver.methods()).not.toContain("HEAD")
})

it("a shipper that was killed goes on where it was", async () => {
  let alive = false
  const receiver = await startFakeUploads(({ method, nth }) =>
    method === "PATCH" && nth === 3 && !alive ? { status: 503, headers: { "retry-after": "3600" } } : "good"
  )
  await using _ = receiver
  using box = makeBox(receiver.url, { shipper: { resume_above_bytes: MIB } })
  box.episode("E1", { "telemetry-net.pcap": NOISE })
  {
    await using daemon = box.daemon()
    await untilRunning(daemon, () => receiver.heard.filter(({ method }) => method === "PATCH").length === 3)
    await daemon.stop("SIGKILL")
  }
  alive = true
  const before = receiver.heard.length
  expect((await box.once()).counts).toEqual(SHIPPED)
  expect(receiver.methods().slice(before, before + 2)).toEqual(["HEAD", "PATCH"])
  expect(receiver.methods().filter((method) => method === "POST").length).toBe(1)
})

describe("the note of an upload", () => {
  it.each([
    ["speaks of another origin", { url: "http://127.0.0.1:1/v1/uploads/u1" }],
    ["belongs to another tarball", { sha256: "0".repeat(64) }],
    ["was made as another host", { host_id: "lab-2" }]
  ])("that %s counts for nothing", async (_, over) => {
    let away = true
    await using world = await lab(({ method }) => (away && method !== "POST" ? { cutAfter: 0 } : "good"))
    const { box, receiver } = world
    await box.once()
    const note = box.json("outbox/E1.upload.json")
    fs.writeFileSync(box.path("outbox/E1.upload.json"), JSON.stringify({ ...note, ...over }))
    away = false
    const before = receiver.heard.length
    expect((await box.once()).counts).toEqual(SHIPPED)
    expect(receiver.methods()[before]).toBe("POST")
  })

  it("is swept with its episode", async () => {
    await using world = await lab(({ method }) => (method !== "POST" ? { cutAfter: 0 } : "good"))
    const { box } = world
    await box.once()
    expect(box.names("outbox")).toEqual(["E1.tar.zst", "E1.upload.json"])
    fs.renameSync(box.path("episodes/E1"), box.path("E1"))
    await box.once()
    expect(box.names("outbox")).toEqual([])
  })
})

it("sends a smaller tarball in parts after it was cut, and goes on with it after a restart", async () => {
  const play = ({ method, nth }: Asked): Script => {
    if (method === "PUT") return { cutAfter: 300_000 }
    return method === "PATCH" && nth <= 4 ? { cutAfter: nth === 1 ? 400_000 : 0 } : "good"
  }
  await using receiver = await startFakeUploads(play)
  using box = makeBox(receiver.url)
  box.episode("E1", { "telemetry-net.pcap": NOISE.subarray(0, 700_000) })
  await using daemon = box.daemon()
  await untilRunning(daemon, () => receiver.methods().length >= 3)
  await daemon.stop("SIGKILL")
  expect(receiver.methods().slice(0, 3)).toEqual(["PUT", "POST", "PATCH"])
  await using again = box.daemon()
  await untilRunning(again, () => receiver.stored.size === 1)
  expect(receiver.methods().filter((method) => method === "PUT" || method === "POST")).toEqual(["PUT", "POST"])
  await again.stop("SIGTERM")
})

it("sends a smaller tarball in one request again where not one append gets through", async () => {
  const play = ({ method, nth }: Asked): Script => {
    if (method === "PUT") return nth === 1 ? { cutAfter: 300_000 } : "good"
    return method === "PATCH" ? { cutAfter: 0 } : "good"
  }
  await using receiver = await startFakeUploads(play)
  using box = makeBox(receiver.url)
  box.episode("E1", { "telemetry-net.pcap": NOISE.subarray(0, 700_000) })
  await using daemon = box.daemon()
  await untilRunning(daemon, () => receiver.stored.size === 1 && box.names("outbox").length === 0)
  const asked = receiver.methods().filter((method) => method === "PUT" || method === "POST")
  expect(asked).toEqual(["PUT", "POST", "PUT"])
  await daemon.stop("SIGTERM")
})

it.each([
  429, 500, 503, 507
])("goes on with a smaller tarball after the receiver was unable for a while: %i", async (status) => {
  const play = ({ method, nth }: Asked): Script => {
    if (method === "PUT") return { cutAfter: 300_000 }
    if (method === "PATCH" && nth === 1) return { cutAfter: 400_000 }
    return method === "HEAD" && nth === 1 ? { status } : "good"
  }
  await using receiver = await startFakeUploads(play)
  using box = makeBox(receiver.url)
  box.episode("E1", { "telemetry-net.pcap": NOISE.subarray(0, 700_000) })
  await using daemon = box.daemon()
  await untilRunning(daemon, () => receiver.stored.size === 1)
  expect(receiver.methods()).toEqual(["PUT", "POST", "PATCH", "HEAD", "HEAD", "PATCH"])
  await daemon.stop("SIGTERM")
})

/** A send is given up for this pass after so many appends that got nowhere. */
const APPENDS = 5

it("goes in one request where not one append got through for three sends, and the next ones at once", async () => {
  await using world = await lab(({ method }) => (method === "PATCH" ? { cutAfter: 0 } : "good"))
  const { box, receiver } = world
  await using daemon = box.daemon()
  await untilRunning(daemon, () => receiver.stored.size === 1)
  box.episode("E2", { "telemetry-net.pcap": NOISE })
  await untilRunning(daemon, () => receiver.stored.size === 2)
  const methods = receiver.methods()
  expect(methods.filter((method) => method === "PUT" || method === "POST")).toEqual(["POST", "PUT", "PUT"])
  expect(methods.filter((method) => method === "PATCH").length).toBe(3 * APPENDS)
  await daemon.stop("SIGTERM")
})

it("goes on in appends where one gets through now and then", async () => {
  const play = ({ method, nth }: Asked): Script => {
    if (method !== "PATCH" || nth > 5 * APPENDS + 1) return "good"
    // In the third send.
    return { cutAfter: nth === 2 * APPENDS + 1 ? 500_000 : 0 }
  }
  await using world = await lab(play)
  const { box, receiver } = world
  await using daemon = box.daemon()
  await untilRunning(daemon, () => receiver.stored.size === 1)
  expect(receiver.methods()).not.toContain("PUT")
  expect(receiver.travelled()).toBe(receiver.stored.get("/v1/episodes/lab-1/E1")?.bytes.length)
  await daemon.stop("SIGTERM")
})

it("sends what is small in one request, whatever became of the last", async () => {
  await using receiver = await startFakeUploads(({ nth }) => (nth === 1 ? { cutAfter: 30_000 } : "good"))
  using box = makeBox(receiver.url)
  box.episode("E1", { "telemetry-net.pcap": NOISE.subarray(0, 50_000) })
  await using daemon = box.daemon()
  await untilRunning(daemon, () => receiver.stored.size === 1)
  expect(receiver.methods()).toEqual(["PUT", "PUT"])
  await daemon.stop("SIGTERM")
})

it("asks how much has arrived when an append falls silent", async () => {
  await using world = await lab(({ method, nth }) => (method === "PATCH" && nth === 2 ? "stall" : "good"))
  const { box, receiver } = world
  box.configure({ shipper: { resume_above_bytes: MIB, request_timeout_s: 2 } })
  expect((await box.once()).counts).toEqual(SHIPPED)
  expect(receiver.methods().slice(0, 4)).toEqual(["POST", "PATCH", "PATCH", "HEAD"])
  expect(receiver.travelled()).toBe(receiver.stored.get("/v1/episodes/lab-1/E1")?.bytes.length)
})

it("status, and the daemon's own line, say what is on its way", async () => {
  await using world = await lab(({ method, nth }) => (method === "PATCH" && nth === 3 ? "stall" : "good"))
  const { box, receiver } = world
  const address = join(box.home, "notify")
  const manager = listenForDatagrams(address)
  await using daemon = box.daemon({ env: { NOTIFY_SOCKET: address } })
  await untilRunning(daemon, () => box.exists("state/in_flight.json") && receiver.methods().length >= 3)
  const [transfer] = JSON.parse((await box.run(["status", "--json"])).stdout).in_flight
  expect(transfer).toMatchObject({ episode_id: "E1", bytes: fs.statSync(box.path("outbox/E1.tar.zst")).size })
  expect([0, MIB, 3 * MIB]).toContain(transfer.sent_bytes)
  expect((await box.run(["status"])).stdout).toMatch(/in flight +E1 \d+ % of 4\.0 MiB/)
  const said = /^STATUS=\S+ in flight: E1 \d+ % of 4\.0 MiB/
  let told = false
  await untilRunning(daemon, () => (told ||= said.test(manager.take() ?? "")))
  await daemon.stop("SIGKILL")
  manager.close()
  // Nobody sends any more.
  expect(JSON.parse((await box.run(["status", "--json"])).stdout).in_flight).toEqual([])
})
