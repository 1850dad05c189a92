/** What a host should run is durable before the operator is told so. */
import { mkdtempSync, rmSync } from "node:fs"
import * as http from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { outOfOrder, readTrace, sync, tracedTo, unlink, write } from "../support/strace.ts"
import { needTools } from "../support/tools.ts"
import { TWO_LANS } from "../support/topology.ts"

const put = (socketPath: string, body: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: "Bearer the-operators", "content-length": Buffer.byteLength(body) }
    const request = http.request({ socketPath, method: "PUT", path: "/v1/hosts/lab-1/topology", headers })
    request.once("error", reject)
    request.once("response", (response) => resolve(response.resume().statusCode ?? 0))
    request.end(body)
  })

test("journal, database, the end of the journal, directory, answer", async () => {
  needTools("strace")
  const home = mkdtempSync(join(tmpdir(), "cis490-orders-"))
  const [socket, trace] = [join(home, "r.sock"), join(home, "trace")]
  using box = makeReceiverBox(
    { auth: { admin_token: "the-operators" }, "fleet.lab-1": { agent_url: "http://127.0.0.1:1" } },
    undefined,
    `unix:${socket}`
  )
  const running = await box.start({ under: tracedTo(trace) })
  expect(await put(socket, JSON.stringify(TWO_LANS))).toBe(200)
  process.kill(running.ownPid, "SIGTERM")
  await running.ended
  const steps = [
    sync(/\/fleet\.db-journal$/),
    sync(/\/fleet\.db$/),
    unlink(/\/fleet\.db-journal$/),
    sync(new RegExp(`${box.home}$`)),
    write(/^(socket:|UNIX)/, /"HTTP\/1\.1 200 /)
  ]
  expect(outOfOrder(readTrace(trace), steps)).toBe(undefined)
  rmSync(home, { recursive: true })
})
