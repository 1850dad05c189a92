/** What keeps the receiver from opening: a lock that is configured and cannot be closed. */
import { join } from "node:path"
import { expect, test } from "vitest"
import { makeReceiverBox } from "../support/receiverBox.ts"

type Tables = NonNullable<Parameters<typeof makeReceiverBox>[0]>

const pem = (name: string): string => join(import.meta.dirname, "../support/pem", name)
const tls = { cert: pem("server.pem"), key: pem("server.key") }
const INSIDE = "127.0.0.1:0"
const OPEN = "0.0.0.0:0"

const refusedWith: ReadonlyArray<readonly [what: string, listen: string, Tables, words: string]> = [
  [
    "an authority that is missing",
    INSIDE,
    { tls: { ...tls, client_ca: "/nowhere/ca.pem" } },
    "tls.client_ca /nowhere/ca.pem is missing"
  ],
  [
    "an authority that is none",
    INSIDE,
    { tls: { ...tls, client_ca: pem("server.key") } },
    "holds no whole certificate"
  ],
  [
    "a list that is missing",
    INSIDE,
    { tls: { ...tls, client_ca: pem("ca.pem"), client_crl: "/nowhere/crl" } },
    "tls.client_crl /nowhere/crl is missing"
  ],
  ["another certificate's key", INSIDE, { tls: { ...tls, key: pem("client-old.key") } }, "does not belong to tls.cert"],
  [
    "a token file that is missing",
    INSIDE,
    { auth: { bearer_token_file: "/nowhere/token" } },
    "/nowhere/token is missing"
  ],
  ["a header that is believed from nobody", INSIDE, { proxy: { identity_header: "X-Client" } }, "proxy.trusted_peers"],
  ["an open address without authentication", OPEN, {}, "nothing says who may write"],
  ["an open address, TLS, and no authentication", OPEN, { tls }, "nothing says who may write"],
  ["an open address and an admin token alone", OPEN, { auth: { admin_token: "x" } }, "nothing says who may write"]
]

test.each(refusedWith)("%s", async (_, listen, tables, words) => {
  using box = makeReceiverBox(tables, undefined, listen)
  const { code, stderr, stdout } = await box.run(["run"])
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(words) })
  expect(stdout + stderr).not.toMatch(/listening|\n {4}at /)
})

const opens: ReadonlyArray<readonly [what: string, Tables]> = [
  ["a token", { auth: { bearer_token: "x" } }],
  ["a host's token", { "auth.hosts": { "lab-1": "x" } }],
  ["an authority for clients", { tls: { ...tls, client_ca: pem("ca.pem") } }],
  ["a proxy that is believed", { proxy: { identity_header: "X-Client", trusted_peers: ["192.0.2.0/24"] } }]
]

test.each(opens)("an open address with %s", async (_, tables) => {
  using box = makeReceiverBox(tables, undefined, OPEN)
  await using program = await box.start()
  expect(program.port).toBeGreaterThan(0)
})
