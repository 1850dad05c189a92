/** What an operator does with the fleet, with the real program. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import * as http from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { type FakeAgent, startFakeAgent } from "../support/fakeAgent.ts"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { called, hashOf, TWO_LANS } from "../support/topology.ts"
import { until } from "../support/wire.ts"

const heartbeat = (socketPath: string, agent: FakeAgent): Promise<number> =>
  new Promise((resolve, reject) => {
    const body = JSON.stringify({ host_id: "lab-1", agent_version: "0.1.0", topology: agent.state() })
    const request = http.request({
      socketPath,
      path: "/v1/heartbeat",
      method: "POST",
      headers: { "content-length": Buffer.byteLength(body) }
    })
    request.once("error", reject)
    request.once("response", (response) => resolve(response.resume().statusCode ?? 0))
    request.end(body)
  })

const makeCentral = (agent: FakeAgent) => {
  const directory = mkdtempSync(join(tmpdir(), "cis490-fleet-"))
  const socket = join(directory, "receiver.sock")
  const box = makeReceiverBox(
    { auth: { admin_token: "the-operators" }, "fleet.lab-1": { agent_url: agent.url } },
    undefined,
    `unix:${socket}`
  )
  const file = join(directory, "topology.json")
  writeFileSync(file, JSON.stringify(TWO_LANS))
  return {
    box,
    socket,
    file,
    directory,
    [Symbol.dispose]: () => {
      box[Symbol.dispose]()
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

test("an operator sets, shows and clears what a host runs", async () => {
  await using agent = await startFakeAgent()
  using central = makeCentral(agent)
  const { box, file, socket } = central
  const program = await box.start()
  expect(await heartbeat(socket, agent)).toBe(204)

  const set = await box.run(["topology", "set", "lab-1", file])
  expect(set).toMatchObject({ code: 0, stdout: "lab-1 is to run t1: generation 1\n" })
  await until(() => agent.asked.length === 1)
  const shown = JSON.parse((await box.run(["topology", "show", "lab-1"])).stdout)
  expect(shown).toMatchObject({ generation: 1, version_hash: hashOf(TWO_LANS), hydrated: TWO_LANS })

  expect(await heartbeat(socket, agent)).toBe(204)
  const hosts = await box.run(["hosts"])
  expect(hosts.stdout).toMatch(/^lab-1 +\d+ s ago +t1 [0-9a-f]{7} +t1 [0-9a-f]{7} +as wanted$/m)

  const cleared = await box.run(["topology", "clear", "lab-1"])
  expect(cleared).toMatchObject({ code: 0, stdout: "lab-1 is to run nothing: generation 2\n" })
  await until(() => agent.asked.length === 2)
  expect(agent.asked).toEqual(["apply t1 1", "teardown t1 2"])
  await program.stop("SIGTERM")

  // Asked beside no running receiver, it is read from disk.
  const rows: ReadonlyArray<Record<string, unknown>> = JSON.parse((await box.run(["hosts", "--json"])).stdout)
  expect(rows).toMatchObject([{ host_id: "lab-1", managed: true, needs_resync: true, wanted_generation: 2 }])
  expect((await box.run(["hosts"])).stdout).toMatch(/^lab-1 .* nothing +t1 .* drifted for \d+ s: runs t1, and should/m)
})

test("a master that is behind takes over only when it is told to", async () => {
  await using agent = await startFakeAgent({ runs: called("t9"), generation: 7 })
  using central = makeCentral(agent)
  const { box, file, socket } = central
  const program = await box.start()
  await heartbeat(socket, agent)
  const behind = await box.run(["topology", "set", "lab-1", file])
  expect(behind.code).toBe(1)
  expect(behind.stderr).toContain("its agent has obeyed generation 7")
  const hosts = async () => (await box.run(["hosts"])).stdout.replaceAll(/\s+/g, " ")
  expect(await hosts()).toContain(
    "obeys generation 7, above ours (1): cis490-receiver topology set lab-1 FILE --take-over"
  )
  await box.run(["topology", "clear", "lab-1"])
  expect(await hosts()).toContain("above ours (2): cis490-receiver topology clear lab-1 --take-over")
  const over = await box.run(["topology", "set", "lab-1", file, "--take-over"])
  expect(over).toMatchObject({ code: 0, stdout: "lab-1 is to run t1: generation 8\n" })
  await until(() => agent.asked.length === 2)
  expect(agent.asked).toEqual(["teardown t9 8", "apply t1 8"])
  await program.stop("SIGTERM")
})

test("what is wrong is said, and ends as it should", async () => {
  await using agent = await startFakeAgent()
  using central = makeCentral(agent)
  const { box, directory, file } = central
  expect(await box.run(["topology", "set", "lab-1", file])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("the receiver does not run here")
  })
  const program = await box.start()
  const broken = join(directory, "broken.json")
  writeFileSync(broken, JSON.stringify({ ...TWO_LANS, lans: [] }))
  const cases = [
    [["set", "lab-1", broken], 1, "decky web is on LAN dmz, and there is none of that name"],
    [["set", "lab-1", join(directory, "none.json")], 1, "ENOENT"],
    [["set", "lab-2", file], 1, "lab-2 is no host of this master"],
    [["set", "../x", file], 2, "is no host_id"],
    [["show", "lab-2"], 1, "lab-2 is no host of this master"],
    [["set", "lab-1"], 2, "FILE"]
  ] as const
  for (const [args, code, words] of cases) {
    const ran = await box.run(["topology", ...args])
    expect({ args, code: ran.code, said: `${ran.stdout}${ran.stderr}` }).toEqual({
      args,
      code,
      said: expect.stringContaining(words)
    })
  }
  await program.stop("SIGTERM")
})
