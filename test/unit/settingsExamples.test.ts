import { readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Toml from "effect/encoding/Toml"
import * as Result from "effect/Result"
import { AgentSettings } from "../../src/domain/agentSettings.ts"
import { ReceiverSettings } from "../../src/domain/receiverSettings.ts"
import { ANY_ENTRY, ANY_HOST, isTable, settingRows } from "../../src/domain/settingRow.ts"
import { ShipperSettings } from "../../src/domain/shipperSettings.ts"
import { loadText } from "../support/config.ts"

const read = (name: string) => readFileSync(new URL(`../../etc/${name}`, import.meta.url), "utf8")

/** Every key in its place: a `#` without a space behind it is a key that is switched off. */
const switchedOn = (text: string) => text.replaceAll(/^#(?=\S)/gm, "")

const valueAt = (root: unknown, path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>((value, name) => {
    const table = Object(value)
    return name === ANY_HOST || name === ANY_ENTRY ? Object.values(table)[0] : table[name]
  }, root)

/** The keys of a document, without hosts' names. */
const keysOf = (value: unknown, path: ReadonlyArray<string> = []): ReadonlyArray<string> =>
  typeof value !== "object" || value === null || Array.isArray(value)
    ? [path.join(".")]
    : Object.entries(value).flatMap(([name, below]) => keysOf(below, [...path, name]))

const examples = [
  { name: "lab-host.toml.example", schema: ShipperSettings, keep: ["host_id", "receiver.url"] },
  { name: "receiver.toml.example", schema: ReceiverSettings, keep: [] },
  { name: "agent.toml.example", schema: AgentSettings, keep: ["host_id", "master.url"] }
] as const

for (const { name, schema, keep } of examples) {
  const text = read(name)
  const rows = settingRows(schema).filter((row) => !isTable(row) && row.key !== `auth.hosts.${ANY_HOST}`)
  const everything = Result.getOrThrow(Toml.parse(switchedOn(text)))

  describe(name, () => {
    it.effect("can be used as it is, and sets nothing that is not required", () =>
      Effect.gen(function* () {
        yield* loadText(schema, text)
        expect(keysOf(Result.getOrThrow(Toml.parse(text)))).toEqual(keep)
      })
    )

    it.effect("can be used with every key switched on", () =>
      Effect.gen(function* () {
        const { warning } = yield* loadText(schema, switchedOn(text))
        expect(warning).toBeUndefined()
      })
    )

    it("has every key once, defaults as they are", () => {
      for (const row of rows) {
        const value = valueAt(everything, row.path)
        expect(value, row.key).toBeDefined()
        if (row.presence === "defaulted") expect(value, row.key).toEqual(row.default)
      }
    })

    it("says of every key what it is, right above it", () => {
      const lines = text.split("\n")
      for (const row of rows) {
        const key = lines.findIndex(
          (line, i) => lines[i - 1] === `# ${row.doc}` && line.replace(/^#/, "").startsWith(`${row.path.at(-1)} = `)
        )
        expect(key, row.key).toBeGreaterThan(0)
      }
    })
  })
}
