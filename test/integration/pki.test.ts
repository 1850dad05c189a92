/** The small authority as its user has it: the real programs, from nothing to a host that is let in, and out again. */

import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { makeBox, RECEIVER, startProgram } from "../support/shipperBox.ts"

const home = fs.mkdtempSync(join(tmpdir(), "cis490-pki-"))
const directory = join(home, "pki")
afterAll(() => fs.rmSync(home, { recursive: true, force: true }))

const pki = (args: ReadonlyArray<string>, dir = directory, ahead?: number) =>
  startProgram(["pki", ...args, "--dir", dir], { program: RECEIVER, ...(ahead === undefined ? {} : { ahead }) }).ended

const well = async (args: ReadonlyArray<string>, dir?: string): Promise<string> => {
  const { code, stderr, stdout } = await pki(args, dir)
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
  return stdout
}

beforeAll(async () => {
  await well(["init"])
})

/** What anybody but the owner may do with something in the directory. */
const open = (root: string): ReadonlyArray<string> =>
  [root, ...fs.readdirSync(root, { recursive: true, encoding: "utf8" }).map((name) => join(root, name))].filter(
    (path) => (fs.statSync(path).mode & 0o077) !== 0
  )

const listed = async () =>
  JSON.parse(await well(["list", "--json"])) as { readonly issued: ReadonlyArray<Record<string, unknown>> }

test("an authority is never replaced, and nothing is issued without one", async () => {
  const key = fs.readFileSync(join(directory, "ca.key"), "utf8")
  const again = await pki(["init"])
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("there is an authority") })
  expect(fs.readFileSync(join(directory, "ca.key"), "utf8")).toBe(key)
  const nowhere = join(home, "nowhere")
  for (const args of [["issue", "lab-1"], ["list"], ["revoke", "lab-1"]]) {
    expect(await pki(args, nowhere)).toMatchObject({ code: 1, stderr: expect.stringContaining("pki init") })
  }
  expect(fs.existsSync(nowhere)).toBe(false)
})

test("everything is its owner's only, and no key is printed", async () => {
  const said = (await well(["issue", "lab-modes"])) + (await well(["issue", "--server", "collector.wg"]))
  expect(said).not.toContain("PRIVATE")
  expect(open(directory)).toEqual([])
})

test("what is asked wrongly is a mistake of the caller's", async () => {
  for (const args of [
    ["issue"],
    ["issue", "../x"],
    ["issue", "a", "--server", "b"],
    ["issue", "--server", "*.wg"],
    ["issue", "a", "--days", "0"]
  ]) {
    expect([args, (await pki(args)).code]).toEqual([args, 2])
  }
  expect(await pki(["revoke", "nobody"])).toMatchObject({ code: 1, stderr: expect.stringContaining("never issued") })
})

test("certificates are short-lived, and what has expired is listed so", async () => {
  await well(["issue", "lab-short", "--days", "1"])
  const mine = async () => (await listed()).issued.filter(({ name }) => name === "lab-short")
  const [entry] = await mine()
  expect(entry).toMatchObject({ kind: "host", state: "valid", serial: expect.stringMatching(/^[0-9a-f]{32}$/) })
  const days = (Date.parse(String(entry?.["expires_at"])) - Date.now()) / 86_400_000
  expect(days).toBeGreaterThan(0.9)
  expect(days).toBeLessThanOrEqual(1)
  const later = await pki(["list", "--json"], directory, 2 * 86_400_000)
  expect(JSON.parse(later.stdout).issued.find((one: { name: string }) => one.name === "lab-short").state).toBe(
    "expired"
  )
})

test("from nothing to a host that is let in; revoked, it is not, and issued anew it is", async () => {
  await well(["issue", "lab-1"])
  const said = await well(["issue", "--server", "localhost", "--server", "127.0.0.1"])
  const lines = [...said.matchAll(/^(\w+) = "(.*)"$/gm)].map(([, key = "", value = ""]) => [key, value] as const)
  expect(lines.map(([key]) => key)).toEqual(["cert", "key", "client_ca", "client_crl"])
  using box = makeReceiverBox({ tls: Object.fromEntries(lines) })
  await using receiver = await box.start()
  const bundle = join(directory, "hosts/lab-1")
  using host = makeBox(receiver.url, {
    receiver: {
      ca_bundle: join(bundle, "ca.pem"),
      client_cert: join(bundle, "client.pem"),
      client_key: join(bundle, "client.key")
    }
  })
  const ping = async () => {
    const { code, stdout } = await host.run(["ping", "--json"])
    return { code, status: JSON.parse(stdout).status_code }
  }
  expect(await ping()).toEqual({ code: 0, status: 200 })
  host.episode("01JD3Z8Q")
  expect((await host.once()).counts).toMatchObject({ shipped: 1 })
  expect(box.store()).toEqual(["lab-1/01JD3Z8Q.tar.zst"])

  expect(await well(["revoke", "lab-1"])).toContain("revoked lab-1")
  expect(await ping()).toEqual({ code: 1, status: 403 })
  await well(["issue", "lab-1"])
  expect(await ping()).toEqual({ code: 0, status: 200 })
  expect((await listed()).issued.filter(({ name }) => name === "lab-1").map(({ state }) => state)).toEqual([
    "valid",
    "revoked"
  ])
  await well(["issue", "--server", "localhost", "--server", "127.0.0.1"])
  expect(await ping()).toEqual({ code: 0, status: 200 })
  expect(receiver.stderr()).toContain("the TLS files have changed, and are in use")
})

test("who is revoked stays so when another is", async () => {
  for (const name of ["lab-a", "lab-b"]) {
    await well(["issue", name])
    await well(["revoke", name])
  }
  const { issued } = await listed()
  const states = issued.filter(({ name }) => name === "lab-a" || name === "lab-b").map(({ state }) => state)
  expect(states).toEqual(["revoked", "revoked"])
})

test("an authority whose key others can read is said to be one", async () => {
  fs.chmodSync(join(directory, "ca.key"), 0o644)
  const { code, stderr } = await pki(["issue", "lab-1"])
  fs.chmodSync(join(directory, "ca.key"), 0o600)
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining("chmod 600") })
})

test("an authority that is damaged is said to be", async () => {
  const damaged = join(home, "damaged")
  await well(["init"], damaged)
  fs.writeFileSync(join(damaged, "ca.key"), "nonsense", { mode: 0o600 })
  const { code, stderr } = await pki(["issue", "lab-1"], damaged)
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("cannot be used") })
  expect(stderr).not.toContain("    at ")
  expect(fs.readdirSync(join(damaged, "issued"))).toEqual([])
})
