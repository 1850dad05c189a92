import { readFileSync } from "node:fs"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { judgeLists } from "../../src/doctor/tls.ts"
import { runOuts } from "../../src/domain/revocationList.ts"

// Made by `openssl ca -gencrl`; the later one's time is too late for two digits of a year.
const pem = (until: string) => readFileSync(new URL(`../support/pem/crl/until-${until}.pem`, import.meta.url), "utf8")
const DAY = 86_400_000
const NOW = 1_800_000_000_000

describe("revocation lists", () => {
  it("say when they run out, in either way of writing a time", () => {
    expect(runOuts(`${pem("2027-02-15")}\n# and\n${pem("2060-01-01")}`)).toEqual([
      Date.UTC(2027, 1, 15),
      Date.UTC(2060, 0, 1)
    ])
  })
  it("are none, or broken, whatever is in the file", () => {
    expect(runOuts("no PEM")).toEqual([])
    expect(runOuts(pem("2027-02-15").replace("MIGo", "AAAA"))).toEqual([undefined])
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const base64 = Buffer.from(bytes).toString("base64")
        expect(runOuts(`-----BEGIN X509 CRL-----\n${base64}\n-----END X509 CRL-----`)).toHaveLength(1)
      })
    )
  })
  it.each([
    ["green", [NOW + 2 * DAY, "never"]],
    ["green", ["never"]],
    ["yellow", [NOW + DAY, NOW + 100 * DAY]],
    ["red", [NOW, NOW + 100 * DAY]],
    ["red", [undefined]],
    ["red", []]
  ] as const)("are %s when they run out at %j", (state, lists) => {
    expect(judgeLists(lists, "/l.pem", NOW).state).toBe(state)
  })
})
