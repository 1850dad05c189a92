import type { Hydrated } from "../../../src/domain/topology/hydrated.ts"
import { IMAGE } from "../../support/engine.ts"

const idle: readonly [string, string] = ["sleep", "3600"]

/** Two LANs, and a decky in both. */
export const HONEYPOT: Hydrated = {
  topology: { id: "honeypot", name: "A web server that reaches a database" },
  lans: [
    { name: "dmz", subnet: "10.213.1.0/24", is_dmz: true },
    { name: "inner", subnet: "10.213.2.0/24", is_dmz: false }
  ],
  deckies: [
    { name: "web", image: IMAGE, command: idle, networks: [{ lan: "dmz" }, { lan: "inner" }] },
    { name: "db", image: IMAGE, command: idle, networks: [{ lan: "inner", ip: "10.213.2.10" }] },
    { name: "lure", image: IMAGE, command: idle, networks: [{ lan: "dmz", ip: "10.213.1.20" }] }
  ]
}

/** `image`: what its only decky is made from. */
export const printer = (image: string): Hydrated => ({
  topology: { id: "printer", name: "A printer nobody prints on" },
  lans: [{ name: "office", subnet: "10.213.3.0/24", is_dmz: false }],
  deckies: [{ name: "laser", image, command: idle, networks: [{ lan: "office" }] }]
})

/** With one more decky, and all else as before. */
export const HONEYPOT_GROWN: Hydrated = {
  ...HONEYPOT,
  deckies: [...HONEYPOT.deckies, { name: "backup", image: IMAGE, command: idle, networks: [{ lan: "inner" }] }]
}
