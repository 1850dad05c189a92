/** Sound values of the kinds that appear everywhere. */
import * as fc from "fast-check"
import { Commit, EpisodeId, HostId, Sha256 } from "../../../src/domain/names.ts"

const FIRST = [..."ABCXYZabcxyz0189"]
const id = (longest: number) =>
  fc
    .tuple(
      fc.constantFrom(...FIRST),
      fc.string({ unit: fc.constantFrom(...FIRST, ".", "_", "-"), maxLength: longest - 1, size: "max" })
    )
    .map((parts) => parts.join(""))

export const hostId = id(64).map((text) => HostId.make(text))
export const episodeId = id(128).map((text) => EpisodeId.make(text))

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length })
export const commit = hex(40).map((text) => Commit.make(text))
export const sha256 = hex(64).map((text) => Sha256.make(text))

/** RFC 3339, UTC, as we write it. */
export const time = fc
  .date({ noInvalidDate: true, min: new Date(0), max: new Date("9999-12-31") })
  .map((at) => at.toISOString())

export const count = fc.nat({ max: Number.MAX_SAFE_INTEGER })

/** A component of a path that the archive grammar takes. */
const component = fc
  .oneof(
    fc.string({ unit: fc.constantFrom(..."abAB01._- \\~é𝕏～'\"*%"), minLength: 1, maxLength: 12 }),
    fc.constantFrom("sub", "a", "b", "__proto__", "constructor", "meta.json", "x".repeat(101))
  )
  .filter((name) => name !== "." && name !== "..")
export const relativePath = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"))
