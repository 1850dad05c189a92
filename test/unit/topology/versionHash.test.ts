import canonicalize from "canonicalize"
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { versionHash } from "../../../src/domain/topology/versionHash.ts"
import { digest, TWO_LANS } from "../../support/topology.ts"

const hash = (hydrated: unknown) => Result.getOrThrow(versionHash(hydrated, digest))

const NOTED = [
  "created_at",
  "status_changed_at",
  "updated_at",
  "last_seen",
  "status",
  "version",
  "last_error",
  "x",
  "y",
  "w",
  "h"
]

describe("the version hash", () => {
  it("is that of the canonical JSON", () => {
    expect(hash(TWO_LANS)).toBe(digest(canonicalize(TWO_LANS) ?? ""))
  })

  it("is what Python's json and hashlib make of it", () => {
    expect(hash(TWO_LANS)).toBe("972157f99883585e56bf78266bb9d952e05b726e241431f2aa818bcd0a73e562")
  })

  it("does not depend on the order of members", () => {
    const { deckies, lans, topology } = TWO_LANS
    expect(hash({ deckies, topology: { name: topology.name, id: topology.id }, lans })).toBe(hash(TWO_LANS))
  })

  it.each(NOTED)("knows nothing of %s, at any depth", (name) => {
    const noted = {
      ...TWO_LANS,
      [name]: 1,
      topology: { ...TWO_LANS.topology, [name]: { deep: true } },
      deckies: TWO_LANS.deckies.map((decky) => ({
        ...decky,
        [name]: null,
        networks: decky.networks.map((at) => ({ ...at, [name]: 3 }))
      }))
    }
    expect(hash(noted)).toBe(hash(TWO_LANS))
  })

  it.each(NOTED)("knows the variable %s of a decky", (name) => {
    const withEnv = (env: Record<string, string>) => ({
      ...TWO_LANS,
      deckies: TWO_LANS.deckies.map((decky) => ({ ...decky, env }))
    })
    expect(hash(withEnv({ [name]: "1" }))).not.toBe(hash(withEnv({})))
    expect(hash(withEnv({ [name]: "1" }))).not.toBe(hash(withEnv({ [name]: "2" })))
  })

  it("is refused for what has no canonical JSON", () => {
    expect(Result.isFailure(versionHash({ name: "\ud800" }, digest))).toBe(true)
  })
})
