import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { ConfigError } from "../../src/cli/configError.ts"
import { AgentSettings } from "../../src/domain/agentSettings.ts"
import { type AnySettings, decodeSettings } from "../../src/domain/decodeSettings.ts"
import { ReceiverSettings } from "../../src/domain/receiverSettings.ts"
import { settingRows } from "../../src/domain/settingRow.ts"
import { ShipperSettings } from "../../src/domain/shipperSettings.ts"
import { isTomlTable } from "../../src/domain/toml.ts"
import { loadText } from "../support/config.ts"

const schemas: ReadonlyArray<readonly [string, AnySettings]> = [
  ["shipper", ShipperSettings],
  ["receiver", ReceiverSettings],
  ["agent", AgentSettings]
]

const SECRET = "hunter2"

for (const [program, schema] of schemas) {
  const rows = settingRows(schema)
  const names = [...new Set(rows.flatMap((row) => row.path)), "__proto__", "constructor", "toString"]
  const variables = rows.flatMap((row) => row.variable ?? [])

  /** Half of it is nearly a configuration. */
  const name = fc.oneof(fc.constantFrom(...names), fc.string())
  const tree = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "medium" },
      fc.anything(),
      fc.constantFrom<unknown>(0, 1, -1, "/x", "https://r", "~", "~/x", true, "", [], {}, new Date(0)),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(name, tie("value"), { maxKeys: 6, noNullPrototype: false })
    )
  })).value
  const table = fc.dictionary(name, tree, { maxKeys: 8, noNullPrototype: false })

  const word = fc.oneof(
    fc.constantFrom(...names, "[", "]", "[[", "]]", "=", ".", ",", "\n", "{", "}", '"', "'", '"""', "#", "\r\n", "\t"),
    fc.constantFrom(
      "true",
      "inf",
      "-1",
      "4",
      "0.5",
      "1e400",
      "99999999999999999999",
      "1979-05-27T07:32:00Z",
      "\\u0000"
    ),
    fc.string(),
    fc.string({ unit: "binary" })
  )
  const document = fc.oneof(
    fc.array(word, { maxLength: 40 }).map((words) => words.join("")),
    fc.array(fc.tuple(name, word), { maxLength: 10 }).map((keys) => keys.map(([k, v]) => `${k} = ${v}\n`).join("")),
    fc.nat(20_000).map((depth) => `x = ${"[".repeat(depth)}`)
  )
  const environment = fc.dictionary(
    fc.constantFrom(...variables, "HOME"),
    fc.oneof(word, fc.constantFrom("/home/a", "[1]"))
  )

  describe(`a ${program}'s configuration, whatever it is`, () => {
    it("decodes or has problems", () => {
      fc.assert(
        fc.property(table, (raw) => {
          const decoded = decodeSettings(schema, raw)
          if (Result.isSuccess(decoded)) expect(isTomlTable(decoded.success)).toBe(true)
          else expect(decoded.failure.length).toBeGreaterThan(0)
        })
      )
    })

    it.effect("loads or is refused in words", () =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(document, environment, async (text, env) => {
            const outcome = await Effect.runPromise(Effect.result(loadText(schema, text, env)))
            if (Result.isSuccess(outcome)) return
            expect(outcome.failure).toBeInstanceOf(ConfigError)
            expect(outcome.failure.problems.length).toBeGreaterThan(0)
            for (const { found, wants } of outcome.failure.problems) {
              expect(found).not.toBe("")
              expect(wants).not.toBe("")
            }
          })
        )
      )
    )

    it("never tells what stands where a secret belongs", () => {
      const secret = rows.filter((row) => row.secret)
      const value = fc.constantFrom<unknown>(
        `${SECRET} x`,
        [`${SECRET} x`],
        { a: SECRET },
        [[SECRET]],
        `\n${SECRET}`,
        new Date(0)
      )
      fc.assert(
        fc.property(fc.constantFrom(...secret), value, (row, wrong) => {
          const raw = row.path.reduceRight<unknown>(
            (below, part) => ({ [part.replace("<host_id>", "h")]: below }),
            wrong
          )
          const decoded = decodeSettings(schema, isTomlTable(raw) ? raw : {})
          expect(Result.isFailure(decoded)).toBe(true)
          expect(JSON.stringify(decoded)).not.toContain(SECRET)
        })
      )
    })
  })
}
