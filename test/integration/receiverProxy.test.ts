/** Behind a proxy that ends TLS: whose word on a client counts. */
import { rmSync } from "node:fs"
import * as http from "node:http"
import { join } from "node:path"
import { expect, test } from "vitest"
import { type Network, parseNetwork } from "../../src/domain/network.ts"
import type { Connections } from "../../src/receiver/auth.ts"
import { EPISODE, makeEpisode, putOf } from "../support/episode.ts"
import { startReceiver, TOKENS, temporaryDirectory, tokens } from "../support/receiver.ts"
import { expectProblem, type Request, send } from "../support/wire.ts"

const put = putOf(makeEpisode().tarball)
const pingBody = JSON.stringify({ host_id: "lab-1" })
const ping: Request = {
  method: "POST",
  path: "/v1/ping",
  body: pingBody,
  headers: { "content-length": pingBody.length }
}

const believing = (...peers: ReadonlyArray<string>): Connections => {
  const trusted = peers.map(parseNetwork).filter((network): network is Network => network !== undefined)
  return { certificates: false, proxy: { header: "x-cis490-client", trusted } }
}
const says = (request: Request, identity: string | ReadonlyArray<string>): Request => ({
  ...request,
  headers: { ...request.headers, "X-Cis490-Client": typeof identity === "string" ? identity : [...identity] }
})

test("the proxy's word counts as the certificate it has seen", async () => {
  await using receiver = await startReceiver({ connections: believing("127.0.0.0/8") })
  expect((await send(receiver.port, says(put, "lab-1"))).status).toBe(201)
  expectProblem(await send(receiver.port, says(put, "lab-2")), 403, "wrong-host")
  expectProblem(await send(receiver.port, put), 401, "unauthenticated")
  expectProblem(await send(receiver.port, says(put, "")), 401, "unauthenticated")
  for (const odd of ["CN=lab-1", "lab-1, lab-1", "LAB-1 ", "*", '"lab-1"']) {
    const { status } = await send(receiver.port, says(put, odd))
    expect([odd, status]).toEqual([odd, 403])
  }
  // As a proxy sends it that adds its header to the client's.
  expectProblem(await send(receiver.port, says(put, ["lab-1", "lab-2"])), 403, "certificate-refused")
  expect(receiver.dataset.arrivals).toHaveLength(1)
})

test("nobody else's word counts, with a token or without", async () => {
  await using receiver = await startReceiver({ connections: believing("192.0.2.1"), tokens })
  const authorized = { ...ping, headers: { ...ping.headers, authorization: `Bearer ${TOKENS.shared}` } }
  for (const request of [ping, authorized]) {
    expectProblem(await send(receiver.port, says(request, "lab-1")), 401, "unauthenticated")
  }
  expect((await send(receiver.port, { method: "GET", path: "/v1/health" })).status).toBe(200)
  expect(receiver.logs.at(-1)?.annotations).toMatchObject({ from: "127.0.0.1" })
})

test("over a unix socket everybody is the proxy whom the socket lets in", async () => {
  using stack = new DisposableStack()
  const directory = stack.adopt(temporaryDirectory(), (path) => rmSync(path, { recursive: true }))
  const socketPath = join(directory, "http.sock")
  await using receiver = await startReceiver({ connections: believing(), listen: `unix:${socketPath}` })
  const status = (request: Request) =>
    new Promise((resolve, reject) => {
      const { body, headers = {}, method, path } = request
      const sent = http.request({ socketPath, agent: false, method, path, headers: { ...headers } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      sent.once("error", reject)
      sent.end(body)
    })
  expect(await status(ping)).toBe(401)
  expect(await status(says(ping, "lab-2"))).toBe(403)
  expect(await status(says(ping, "lab-1"))).toBe(200)
  expect(await status(says({ ...put, path: `/v1/episodes/lab-2/${EPISODE}` }, "lab-1"))).toBe(403)
  expect(receiver.logs.map(({ annotations }) => annotations["from"])).toContain("unix")
})
