import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { addressesOn } from "../../../src/domain/topology/addresses.ts"
import { commandOf, type Decky, decodeHydrated, type Hydrated } from "../../../src/domain/topology/hydrated.ts"
import { decodeApply, decodeTeardown, decodeWanted, Observed } from "../../../src/domain/topology/wire.ts"
import { hashOf, TWO_LANS } from "../../support/topology.ts"

type Deep = { readonly [name: string]: unknown }

const faults = (value: unknown): string => {
  const decoded = decodeHydrated(value)
  return Result.isFailure(decoded) ? decoded.failure.join("\n") : ""
}

const [DMZ] = TWO_LANS.lans
const [WEB, DB] = TWO_LANS.deckies

const withLans = (...lans: ReadonlyArray<Deep>) => ({ ...TWO_LANS, lans, deckies: [] })
const withDeckies = (...deckies: ReadonlyArray<Deep>) => ({ ...TWO_LANS, deckies })
const on = (...networks: ReadonlyArray<Deep>) => withDeckies({ ...DB, networks })
const lan = (subnet: string, name = "one") => ({ name, subnet, is_dmz: false })

describe("a topology", () => {
  it("is taken as it is", () => {
    expect(Result.getOrThrow(decodeHydrated(TWO_LANS))).toEqual(TWO_LANS)
  })

  it("may say null where it may say nothing", () => {
    expect(faults(withDeckies({ ...DB, command: null, env: null, networks: [{ lan: "inner", ip: null }] }))).toBe("")
  })

  it.each<[string, unknown, RegExp]>([
    ["is no object", [], /the whole: /],
    ["has no LANs", { ...TWO_LANS, lans: undefined }, /lans: /],
    ["has another member", { ...TWO_LANS, status: "up" }, /status: /],
    ["has another member of a LAN", withLans({ ...DMZ, x: 1 }), /lans\[0\]\.x: /],
    ["has another member of a decky", withDeckies({ ...WEB, privileged: true }), /deckies\[0\]\.privileged: /],
    ["has another member of a place", on({ lan: "inner", mac: "02:00:00:00:00:01" }), /networks\[0\]\.mac: /],
    ["has a name that is no name", { ...TWO_LANS, topology: { id: "../up", name: "" } }, /topology\.id: 1 to 64/],
    ["does not say whether a LAN is the DMZ", withLans({ name: "a", subnet: "10.0.0.0/24" }), /is_dmz: /],
    ["has an image that is an option", withDeckies({ ...DB, image: "--privileged" }), /image: /],
    ...[
      "BusyBox:1",
      "x/../../containers",
      "lab//web",
      "/web",
      "web/",
      "web:",
      "web:a/b",
      "a..b",
      "host:5000/Web",
      "web@sha256:00",
      "web?all=1",
      "a".repeat(513)
    ].map((image): [string, unknown, RegExp] => [
      `has the image ${image.slice(0, 20)}`,
      withDeckies({ ...DB, image }),
      /image: the name of an image/
    ]),
    ["has an empty command", withDeckies({ ...DB, command: [] }), /command/],
    ["has a number in the environment", withDeckies({ ...DB, env: { A: 1 } }), /env/],
    [
      "has an environment that is not what it seems",
      withDeckies({ ...DB, env: JSON.parse('{"__proto__":"1"}') }),
      /env/
    ],
    ["has half a character", withDeckies({ ...DB, env: { A: "\ud800" } }), /broken/]
  ])("is refused that %s", (_, value, words) => {
    expect(faults(value)).toMatch(words)
  })

  it.each([
    "busybox",
    "busybox:1.36",
    "lab/web__x/a-b.c:V1_2",
    "localhost/web",
    "Registry.example:5000/lab/web:1",
    `web:1@sha256:${"0a".repeat(32)}`
  ])("may have the image %s", (image) => {
    expect(faults(withDeckies({ ...DB, image }))).toBe("")
  })

  it.each<[string, unknown, RegExp]>([
    ["two LANs of one name", withLans(lan("10.0.0.0/24"), lan("10.0.1.0/24")), /more than one LAN one/],
    ["two deckies of one name", withDeckies({ ...DB }, { ...DB, networks: [] }), /more than one decky db/],
    [
      "LANs that overlap",
      withLans(lan("10.0.0.0/16"), lan("10.0.3.0/24", "two")),
      /one \(10\.0\.0\.0\/16\) and two .* overlap/
    ],
    ["the same LAN twice", withLans(lan("10.0.0.0/24"), lan("10.0.0.0/24", "two")), /overlap/],
    ["an address beyond its LAN", on({ lan: "inner", ip: "10.90.3.5" }), /is not in 10\.90\.2\.0\/24/],
    ["the network's own address", on({ lan: "inner", ip: "10.90.2.0" }), /the network's own/],
    ["the gateway's address", on({ lan: "inner", ip: "10.90.2.1" }), /gateway/],
    ["the broadcast address", on({ lan: "inner", ip: "10.90.2.255" }), /broadcast/],
    ["an address that is none", on({ lan: "inner", ip: "10.90.2.010" }), /is no IPv4 address/],
    ["a LAN that is not there", on({ lan: "outer" }), /on LAN outer, and there is none/],
    ["a LAN twice", on({ lan: "inner" }, { lan: "inner" }), /more than once/],
    [
      "an address twice",
      withDeckies({ ...DB }, { ...DB, name: "db2" }),
      /address 10\.90\.2\.2 on LAN inner is given to more than one/
    ],
    [
      "more deckies than addresses",
      {
        ...withLans(lan("10.0.0.0/30")),
        deckies: ["a", "b"].map((name) => ({ name, image: "i", networks: [{ lan: "one" }] }))
      },
      /has 1 addresses for 2 deckies/
    ],
    ...(
      [
        "10.0.0.0",
        "10.0.0.0/31",
        "10.0.0.0/7",
        "10.0.0.1/24",
        "010.0.0.0/24",
        "10.0.0.0/024",
        "fd00::/64",
        "",
        "256.0.0.0/24"
      ] as const
    ).map((subnet): [string, unknown, RegExp] => [
      `the subnet ${JSON.stringify(subnet)}`,
      withLans(lan(subnet)),
      /it takes an IPv4 network/
    ]),
    ...["127.0.0.0/8", "0.0.0.0/8", "169.254.7.0/24", "224.0.0.0/24", "255.255.255.0/24"].map(
      (subnet): [string, unknown, RegExp] => [`the reserved subnet ${subnet}`, withLans(lan(subnet)), /is reserved/]
    )
  ])("is refused with %s", (_, value, words) => {
    expect(faults(value)).toMatch(words)
  })

  it("may use a LAN to the last address", () => {
    expect(faults(on({ lan: "inner", ip: "10.90.2.254" }))).toBe("")
    expect(
      faults({
        ...withLans(lan("10.0.0.0/30")),
        deckies: [{ name: "a", image: "i", networks: [{ lan: "one", ip: "10.0.0.2" }] }]
      })
    ).toBe("")
  })
})

describe("addresses", () => {
  it("are those asked for, and the next free ones in order", () => {
    expect([...addressesOn(TWO_LANS, "inner")]).toEqual([
      ["web", "10.90.2.3"],
      ["db", "10.90.2.2"]
    ])
    expect([...addressesOn(TWO_LANS, "dmz")]).toEqual([["web", "10.90.1.10"]])
  })

  it("are enough for a LAN that is full", () => {
    const deckies = ["a", "b", "c", "d", "e"].map((name) => ({
      name,
      image: "i",
      networks: [{ lan: "one", ...(name === "d" ? { ip: "10.0.0.3" } : {}) }]
    }))
    const full: Hydrated = { ...TWO_LANS, lans: [lan("10.0.0.0/29")], deckies }
    expect(faults(full)).toBe("")
    expect([...addressesOn(full, "one").values()]).toEqual(["10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.3", "10.0.0.6"])
  })
})

describe("a command", () => {
  it.each<[Decky["command"] | undefined, ReadonlyArray<string> | undefined]>([
    [undefined, undefined],
    [null, undefined],
    [
      ["sleep", "1"],
      ["sleep", "1"]
    ],
    ["sleep 1 && exit", ["/bin/sh", "-c", "sleep 1 && exit"]]
  ])("%j is run as %j", (command, run) => {
    expect(commandOf({ name: "a", image: "i", networks: [], ...(command !== undefined && { command }) })).toEqual(run)
  })
})

describe("what a master asks", () => {
  const apply = { hydrated: TWO_LANS, version_hash: hashOf(TWO_LANS), generation: 3 }

  it("is understood", () => {
    expect(Result.getOrThrow(decodeApply(apply))).toEqual(apply)
    expect(Result.getOrThrow(decodeTeardown({ topology_id: "t1", generation: 0 }))).toEqual({
      topology_id: "t1",
      generation: 0
    })
    expect(Result.getOrThrow(decodeWanted(null))).toBeNull()
  })

  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["no generation", { ...apply, generation: undefined }],
    ["a generation below 0", { ...apply, generation: -1 }],
    ["half a generation", { ...apply, generation: 1.5 }],
    ["a hash that is none", { ...apply, version_hash: "" }],
    ["another member", { ...apply, force: true }],
    ["a topology that cannot be", { ...apply, hydrated: withLans(lan("10.0.0.0/7")) }],
    ["no topology", { ...apply, hydrated: null }]
  ])("is refused with %s", (_, body) => {
    expect(Result.isFailure(decodeApply(body))).toBe(true)
  })
})

it("what a host says is in its engine is not endless", () => {
  const many = (n: number) => Array.from({ length: n }, () => "x")
  const taken = Schema.is(Observed)
  expect(taken({ bridges: many(5000), containers: many(5000) })).toBe(true)
  expect(taken({ bridges: many(5001), containers: [] })).toBe(false)
  expect(taken({ bridges: [], containers: many(5001) })).toBe(false)
  expect(taken({ bridges: [], containers: [{ name: "x", networks: many(5001) }] })).toBe(false)
})
