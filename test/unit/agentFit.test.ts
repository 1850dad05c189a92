import { describe, expect, it } from "vitest"
import { unfit } from "../../src/agent/fit.ts"
import { parseRoutes } from "../../src/agent/hostRoutes.ts"
import { labelsFor } from "../../src/agent/ownership.ts"
import type { Hydrated } from "../../src/domain/topology/hydrated.ts"
import type { Network } from "../../src/services/Engine.ts"
import { HOST, routesFile } from "../support/agent.ts"

const ID = "34cb9a19c3f46ae3a5786cdd28f9845872e01e776c082262db1b1121051108fe"
const line = (name: string, destination: string, mask: string): string =>
  `${name}\t${destination}\t00000000\t0001\t0\t0\t0\t${mask}\t0\t0\t0                                    `

describe("the routes of the host, as the kernel writes them", () => {
  it("are read", () => {
    const text = routesFile(
      line("eth0", "000200C0", "00FFFFFF"),
      line("wg0", "0A00020A", "FFFFFFFF"),
      line("br-34cb9a19c3f4", "00425A0A", "00FFFFFF")
    )
    expect(parseRoutes(text)).toEqual([
      { interface: "eth0", subnet: "192.0.2.0/24" },
      { interface: "wg0", subnet: "10.2.0.10/32" },
      { interface: "br-34cb9a19c3f4", subnet: "10.90.66.0/24" }
    ])
  })

  it("are not those that lead everywhere, nor those that only refuse", () => {
    const text = routesFile(
      line("eth0", "00000000", "00000000"),
      line("wg0", "00000000", "00000080"),
      line("wg0", "00000080", "00000080"),
      line("*", "0000000A", "000000FF")
    )
    expect(parseRoutes(text)).toEqual([])
  })

  it.each(["", "\n", "eth0", "eth0\tzz\t0\t0\t0\t0\t0\t00FFFFFF", "\t\t\t\t\t\t\t\t"])("are none in %j", (text) =>
    expect(parseRoutes(text)).toEqual([]))
})

const topology = (subnet: string): Hydrated => ({
  topology: { id: "t1", name: "" },
  lans: [{ name: "a", subnet, is_dmz: false }],
  deckies: []
})

describe("a subnet", () => {
  const faults = (subnet: string, networks: ReadonlyArray<Network>, routes: ReadonlyArray<string> = []) =>
    unfit(
      topology(subnet),
      { networks, containers: [] },
      routes.map((route) => ({ interface: route.startsWith("10.90.66") ? "br-34cb9a19c3f4" : "wg0", subnet: route })),
      HOST
    )
  const labels = labelsFor(HOST, { topologyId: "t1", name: "a", definition: "d" })
  const own = { id: ID, name: "decnet-topology-t1-a", labels, subnets: ["10.90.66.0/24"] }

  it("may be that of our own network, whose route the host has", () => {
    expect(faults("10.90.66.0/24", [own], ["10.90.66.0/24"])).toEqual([])
  })

  it("may not be that of the same network of another topology of ours", () => {
    const other = { ...own, name: "decnet-topology-t2-a", labels: { ...labels, "decnet.topology": "t2" } }
    expect(faults("10.90.66.0/24", [other])).toEqual([
      "the subnet of LAN a (10.90.66.0/24) overlaps with the engine's network decnet-topology-t2-a (10.90.66.0/24)"
    ])
  })

  it.each([
    ["10.1.0.0/24", "10.1.0.0/16", true],
    ["10.1.0.0/16", "10.1.7.0/24", true],
    ["10.1.0.0/24", "10.1.0.200/32", true],
    ["10.1.0.0/24", "10.1.1.0/24", false],
    ["10.1.0.0/24", "10.0.255.255/32", false]
  ] as const)("%s beside a route to %s", (subnet, route, overlaps) => {
    expect(faults(subnet, [], [route]).length).toBe(overlaps ? 1 : 0)
  })
})
