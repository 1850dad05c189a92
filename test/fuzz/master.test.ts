/** A master, over HTTP and on a real disk, to which anything is sent. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { afterAll, describe, expect, it } from "vitest"
import { HostId } from "../../src/domain/names.ts"
import { Report } from "../../src/receiver/master/reports.ts"
import { type Receiver, startReceiver, TOKENS, tokens } from "../support/receiver.ts"
import { idle, running, TWO_LANS } from "../support/topology.ts"
import { type Answer, jsonOf, send } from "../support/wire.ts"
import { topology } from "./decoders/topology.ts"
import { part } from "./effort.ts"
import { anyBytes, jsonNear } from "./mutate.ts"

const receiver: Receiver = await startReceiver({
  tokens,
  agents: ["lab-1", "lab-2"].map((hostId) => ({
    hostId: HostId.make(hostId),
    url: "http://127.0.0.1:1",
    tokenFile: undefined,
    tls: { verify_tls: true }
  }))
})
afterAll(() => receiver[Symbol.asyncDispose]())
const root = join(receiver.incoming, "..")

const post = (method: string, path: string, token: string, body: Uint8Array): Promise<Answer> =>
  send(receiver.port, {
    method,
    path,
    body,
    headers: { authorization: `Bearer ${token}`, "content-length": String(body.length) }
  })
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

const expectRefusal = (answer: Answer): void => {
  expect([400, 403, 404, 408, 413]).toContain(answer.status)
  expect(jsonOf(answer)["error"]).toMatch(/^[^\r\n]+$/)
  expect(answer.text.length).toBeLessThan(16_384)
}

const heartbeat = fc.record({
  host_id: fc.constantFrom("lab-1", "lab-2", "lab-3"),
  agent_version: fc.string(),
  topology: fc.constantFrom(running(TWO_LANS, 1), idle(0), null)
})

describe("a heartbeat of anything", () => {
  it("is heard or refused", () =>
    fc.assert(
      fc.asyncProperty(fc.oneof(jsonNear(heartbeat).map(bytes), anyBytes), async (body) => {
        const answer = await post("POST", "/v1/heartbeat", TOKENS.shared, body)
        if (answer.status !== 204) expectRefusal(answer)
      }),
      part(0.25)
    ))

  it("leaves one legible file for each host that is known", () => {
    const files = readdirSync(join(root, "fleet"))
    expect(files.length).toBeGreaterThan(0)
    for (const file of files) {
      expect(["lab-1.json", "lab-2.json"]).toContain(file)
      expect(Schema.is(Report)(JSON.parse(readFileSync(join(root, "fleet", file), "utf8")))).toBe(true)
    }
  })
})

describe("an order of anything", () => {
  it("is kept or refused, and the list of hosts can be read", () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom("lab-1", "lab-2", "lab-3", "..", "%2e"),
        fc.oneof(jsonNear(topology).map(bytes), anyBytes),
        async (hostId, body) => {
          const answer = await post("PUT", `/v1/hosts/${hostId}/topology`, TOKENS.admin, body)
          if (answer.status !== 200) expectRefusal(answer)
          const list = await post("GET", "/v1/hosts", TOKENS.admin, new Uint8Array())
          expect(list.status).toBe(200)
          expect(JSON.parse(list.text)).toHaveLength(2)
        }
      ),
      part(0.05)
    ))

  it("meets no mistake of ours", () => {
    expect(existsSync(join(root, "fleet.db"))).toBe(true)
    expect(receiver.logs.filter(({ message }) => message.includes("mistake"))).toEqual([])
  })
})
