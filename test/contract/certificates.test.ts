import { readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { layerNode } from "../../layers/Certificates.ts"
import { Certificates } from "../../src/services/Certificates.ts"

const pem = (name: string) => readFileSync(new URL(`../support/pem/${name}`, import.meta.url), "utf8")
const use = <A, E>(question: (certificates: Certificates["Service"]) => Effect.Effect<A, E>) =>
  Effect.flatMap(Certificates, question).pipe(Effect.provide(layerNode))

describe("certificates", () => {
  it.effect("are read, all of a file, in order, with their times", () =>
    Effect.gen(function* () {
      const all = yield* use(({ read }) => read(`# comment\n${pem("server.pem")}\n${pem("ca.pem")}`))
      expect(all).toHaveLength(2)
      expect(all[1]).toMatchObject({ subject: "CN=CIS490 test CA", issuer: "CN=CIS490 test CA", names: [] })
      expect(all[0]).toMatchObject({ issuer: "CN=CIS490 test CA", names: expect.arrayContaining(["127.0.0.1"]) })
      expect(all.every(({ from, until }) => until > from && from > 0)).toBe(true)
    })
  )
  it.effect("that are none, or broken, are said to be", () =>
    Effect.gen(function* () {
      const why = (text: string) => Effect.map(Effect.flip(use(({ read }) => read(text))), (error) => error.why)
      expect(yield* why("hunter2")).toMatch(/no certificate/)
      expect(yield* why(pem("server.key"))).toMatch(/no certificate/)
      expect(yield* why(pem("server.pem").replace(/\n[A-Za-z0-9+/]{4}/, "\nAAAA"))).toMatch(/broken/)
    })
  )
  it.effect("know their key", () =>
    Effect.gen(function* () {
      expect(yield* use(({ belongs }) => belongs(pem("server.key"), pem("server.pem")))).toBe(true)
      expect(yield* use(({ belongs }) => belongs(pem("client-new.key"), pem("server.pem")))).toBe(false)
      const error = yield* Effect.flip(use(({ belongs }) => belongs("hunter2", pem("server.pem"))))
      expect(error.why).toMatch(/no private key/)
    })
  )
})
