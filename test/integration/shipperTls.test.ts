/** The shipper's program over TLS: what ping, a pass, the daemon and status say about a way that is closed, and what they use. */
import { once } from "node:events"
import * as fs from "node:fs"
import * as http from "node:http"
import * as https from "node:https"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import type { TLSSocket } from "node:tls"
import { expect, test } from "vitest"
import { startFakeReceiver } from "../support/fakeReceiver.ts"
import { counts, makeBox, untilRunning } from "../support/shipperBox.ts"

const pem = (name: string): string => join(import.meta.dirname, "../support/pem/trouble", name)
const ca_bundle = pem("lab-ca.pem")

/** Ends TLS in front of a receiver in memory; notes who was shown to it. */
const startTls = async (certificate: string, options: https.ServerOptions = {}) => {
  const behind = await startFakeReceiver()
  const shown: Array<string> = []
  const server = https.createServer(
    { cert: fs.readFileSync(pem(`${certificate}.pem`)), key: fs.readFileSync(pem(`${certificate}.key`)), ...options },
    (request, response) => {
      shown.push(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN))
      const { headers, method, url } = request
      const onward = http.request({ port: behind.port, method, path: url, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers)
        answer.pipe(response)
      })
      request.pipe(onward)
    }
  )
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    behind,
    shown,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await behind.close()
    }
  }
}

const lines = (stderr: string, pattern: RegExp): number =>
  stderr.split("\n").filter((line) => pattern.test(line)).length

test("an expired certificate: said by ping, by the pass once, and by status; the episodes stay, transient", async () => {
  await using receiver = await startTls("server-expired")
  using box = makeBox(receiver.url, { receiver: { ca_bundle, bearer_token: "s3cret-token" } })
  for (const id of ["E1", "E2", "E3"]) box.episode(id)
  const words =
    /the receiver's certificate has expired on 2021-01-01T\S+ \(CERT_HAS_EXPIRED\); to mend: renew it on the receiver/

  const ping = await box.run(["ping"])
  expect([ping.code, ping.stderr]).toEqual([1, expect.stringMatching(words)])
  const asJson = JSON.parse((await box.run(["ping", "--json"])).stdout)
  expect(asJson).toEqual({ ok: false, status_code: 0, body: null, error: expect.stringMatching(words) })

  const pass = await box.once()
  expect(pass.counts).toMatchObject({ shipped: 0, conflicts: 0, fatal: 0 })
  expect(lines(pass.stderr, words), pass.stderr).toBe(1)
  expect(box.names("episodes")).toEqual(["E1", "E2", "E3"])
  expect(JSON.parse((await box.run(["status", "--json"])).stdout).last_error).toMatch(words)
  // It was looked at for the words, and told nothing.
  expect(receiver.behind.heard.map(({ headers, path }) => [path, headers.authorization])).toEqual(
    receiver.behind.heard.map(() => ["/v1/health", undefined])
  )
})

test("a certificate of ours that the receiver refuses: transient, said with its mend, nothing is quarantined", async () => {
  await using receiver = await startTls("server", {
    ca: fs.readFileSync(ca_bundle),
    requestCert: true,
    rejectUnauthorized: true
  })
  const stranger = { client_cert: pem("client-stranger.pem"), client_key: pem("client-stranger.key") }
  using box = makeBox(receiver.url, { receiver: { ca_bundle, ...stranger } })
  box.episode("E1")
  const pass = await box.once()
  expect(pass.counts, pass.stderr).toEqual(counts({ scanned: 1, transient_failures: 1 }))
  expect(pass.stderr).toMatch(
    /this host's certificate \S+client-stranger\.pem \(for DNS:lab-1, issued by CN=stranger-ca\)/
  )
  expect(box.names("episodes")).toEqual(["E1"])

  box.configure({ receiver: { ca_bundle, client_cert: pem("client.pem"), client_key: pem("client.key") } })
  const again = await box.once()
  expect(again.counts, again.stderr).toEqual(counts({ scanned: 1, shipped: 1 }))
  expect(receiver.shown).toEqual(["lab-1"])
})

test("the daemon starts without its files, and ships once they are there", async () => {
  await using receiver = await startTls("server", {
    ca: fs.readFileSync(ca_bundle),
    requestCert: true,
    rejectUnauthorized: true
  })
  using box = makeBox(receiver.url)
  const files = { ca_bundle: "lab-ca.pem", client_cert: "client.pem", client_key: "client.key" }
  const later = Object.fromEntries(Object.entries(files).map(([key, name]) => [key, join(box.home, name)]))
  box.configure({ receiver: later })
  box.episode("E1")
  await using daemon = box.daemon()
  await untilRunning(daemon, () => daemon.stderr().includes("mTLS material: ca_bundle"))
  for (const name of Object.values(files)) fs.copyFileSync(pem(name), join(box.home, name))
  await untilRunning(daemon, () => box.exists("shipped/E1"))
  expect(receiver.shown).toEqual(["lab-1"])
})

test("verify_tls = false is loud, once at the start and in ping, and goes on", async () => {
  await using receiver = await startTls("server-stranger")
  using box = makeBox(receiver.url, { receiver: { verify_tls: false } })
  box.episode("E1")
  const loud = /^<3>receiver\.verify_tls = false: the receiver's certificate is not checked.* mend=/
  const ping = await box.run(["ping"])
  expect([ping.code, lines(ping.stderr, loud)], ping.stderr).toEqual([0, 1])
  await using daemon = box.daemon()
  await untilRunning(daemon, () => box.exists("shipped/E1"))
  expect(lines(daemon.stderr(), loud)).toBe(1)
  box.configure()
  expect((await box.run(["ping"])).stderr).not.toMatch(loud)
})

test("without a ca_bundle the system's authorities are believed", async () => {
  await using receiver = await startTls("server")
  using box = makeBox(receiver.url)
  const untold = await box.run(["ping"])
  expect([untold.code, untold.stderr]).toEqual([1, expect.stringContaining("receiver.ca_bundle")])
  const told = await box.run(["ping"], { env: { SSL_CERT_FILE: ca_bundle } })
  expect([told.code, told.stderr]).toEqual([0, ""])
})

test("proxies of the environment are not asked, and that is said", async () => {
  await using receiver = await startTls("server")
  using box = makeBox(receiver.url, { receiver: { ca_bundle } })
  const env = {
    HTTPS_PROXY: "http://127.0.0.1:9",
    all_proxy: "http://127.0.0.1:9",
    NO_PROXY: "",
    NODE_USE_ENV_PROXY: "1"
  }
  const ping = await box.run(["ping"], { env })
  expect([ping.code, ping.stderr]).toEqual([
    0,
    expect.stringMatching(/proxies .* are not used.*variables="HTTPS_PROXY, all_proxy"/)
  ])
  expect((await box.run(["ping"])).stderr).toBe("")
})

test("neither NODE_TLS_REJECT_UNAUTHORIZED nor another variable turns the check off", async () => {
  await using receiver = await startTls("server-stranger")
  using box = makeBox(receiver.url, { receiver: { ca_bundle } })
  const ping = await box.run(["ping"], { env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" } })
  expect([ping.code, ping.stderr]).toEqual([1, expect.stringContaining("issued by CN=stranger-ca")])
})
