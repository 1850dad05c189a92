/** Odd answers, and answers that cannot be acted on. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as net from "node:net"
import { expect, test } from "vitest"
import { refuses, startFakeReceiver } from "../support/fakeReceiver.ts"
import { type Box, counts, makeBox, untilRunning } from "../support/shipperBox.ts"

/** A server that answers everything with a body that never ends. */
const startEndless = async (trickle: boolean) => {
  let open = 0
  let seen = 0
  const server = net.createServer((socket) => {
    open++
    socket.on("error", () => {})
    let timer: NodeJS.Timeout | undefined
    socket.on("close", () => {
      open--
      clearInterval(timer)
    })
    let answered = false
    socket.on("data", () => {
      if (answered) return
      answered = true
      seen++
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
      const piece = trickle ? "1\r\n \r\n" : `10000\r\n${" ".repeat(65536)}\r\n`
      timer = setInterval(() => socket.write(piece), trickle ? 20 : 1)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    open: () => open,
    seen: () => seen,
    [Symbol.asyncDispose]: async () => void server.close()
  }
}

/** Gives the box to an ordinary user, to whom permissions mean something. */
const asUser = (box: Box) => {
  if (process.getuid?.() !== 0) return {}
  execFileSync("chown", ["-R", "1000:1000", box.home])
  return { under: ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"] }
}

test("a body nested deeper than can be written is no end of the program", async () => {
  const deep = `{"error":"invalid archive: x","n":${"[".repeat(100_000)}${"]".repeat(100_000)}}`
  await using receiver = await startFakeReceiver(({ id }) =>
    id === "E1" ? { status: 422, headers: { "content-type": "application/problem+json" }, body: deep } : "good"
  )
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  box.episode("E1")
  box.episode("E2")
  const ran = await box.run(["once", "--json"])
  expect(ran.stderr).not.toContain("this is a mistake in")
  expect(JSON.parse(ran.stdout)).toEqual(counts({ scanned: 2, shipped: 1, fatal: 1 }))
})

test("retry beside a pass under way is no trouble of the episode", async () => {
  await using receiver = await startFakeReceiver(({ id }) => {
    if (id === "E2") return refuses(409, "other content", { stored_sha256: "a".repeat(64) })
    if (id === "E1") fs.rmSync(box.path("outbox/E2.conflict.json"))
    return "good"
  })
  using box = makeBox(receiver.url, { shipper: { concurrency: 1 } })
  box.episode("E2")
  await box.once()
  box.episode("E1")
  const ran = await box.once()
  expect(ran.stderr).not.toContain("cannot be packed now")
})

test.each([
  true,
  false
])("a reply that never ends ends, and leaves no connection open (trickles: %s)", async (trickle) => {
  await using endless = await startEndless(trickle)
  using box = makeBox(endless.url, { shipper: { request_timeout_s: 0.3, checkin_interval_s: 0.1 } })
  box.episode("E1")
  {
    await using daemon = box.daemon()
    await untilRunning(daemon, () => endless.seen() >= 20)
    expect(endless.open()).toBeLessThan(6)
  }
})

test("what was answered but cannot be put away stays, and the log says so", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.episode("E1")
  fs.mkdirSync(box.path("shipped"), { recursive: true })
  const user = asUser(box)
  fs.chmodSync(box.path("shipped"), 0o500)
  const ran = await box.once(user)
  expect(ran.stderr).toMatch(/<4>answered, but cannot be put away now: EACCES.* episode=E1/)
  expect(box.names("episodes")).toEqual(["E1"])
  fs.chmodSync(box.path("shipped"), 0o700)
  await box.once(user)
  expect(box.names("shipped")).toContain("E1")
})
