import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { decoders, elsewhere } from "./decoders/table.ts"
import "./effort.ts"

describe.each(decoders)("$reads", ({ answersAnything, understandsSound }) => {
  it("are understood when they are sound", understandsSound)
  it("have a typed answer, whatever they are", answersAnything)
})

describe("everything that reads foreign bytes", () => {
  const src = join(import.meta.dirname, "../../src")
  const reading =
    /JSON\.parse|fromJsonString|new TextDecoder|readFileString|readFile\(|Toml\.parse|DateTime\.make\(|Date\.parse|decodeUnknown|Headers\.get|headers\[|\.exec\(|readJson\(/
  const readers = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
    // The doctor looks at all of it through the same readers.
    (file) => file.endsWith(".ts") && !file.startsWith("doctor/") && reading.test(readFileSync(join(src, file), "utf8"))
  )
  const known = [...decoders.flatMap((decoder) => decoder.in), ...Object.keys(elsewhere)]

  it("stands in the table, or it is said where it is tested", () => {
    expect(readers.filter((file) => !known.includes(file))).toEqual([])
  })
  it("is there", () => {
    expect(known.filter((file) => !existsSync(join(src, file)))).toEqual([])
  })
})
