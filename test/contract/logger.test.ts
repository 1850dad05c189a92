import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { layerPrefixed, layerTerminal } from "../../layers/Logger.ts"
import { logsOf } from "../support/logs.ts"

const prefixed = (effect: Effect.Effect<void>) =>
  Effect.map(logsOf(layerPrefixed, effect), ({ stderr }) => stderr.join("\n").split("\n"))
const ESC = String.fromCharCode(27)

describe("Logger, layerPrefixed", () => {
  it.effect("gives each event its level as sd-daemon(3) has it, on stderr", () =>
    Effect.gen(function* () {
      const levels = Effect.all([
        Effect.logFatal("f"),
        Effect.logError("e"),
        Effect.logWarning("w"),
        Effect.logInfo("i"),
        Effect.logDebug("d")
      ])
      const { stderr, stdout } = yield* logsOf(layerPrefixed, Effect.asVoid(levels))
      expect(stderr).toEqual(["<2>f", "<3>e", "<4>w", "<6>i"])
      expect(stdout).toEqual([])
    })
  )

  it.effect("makes each line of a message a line, the fields on the first", () =>
    Effect.gen(function* () {
      const lines = yield* prefixed(
        Effect.logError("refused:\ncd /opt/cis490\r\nsudo x\n").pipe(Effect.annotateLogs({ status: 412 }))
      )
      expect(lines).toEqual(["<3>refused: status=412", "<3>cd /opt/cis490", "<3>sudo x"])
    })
  )

  it.effect("quotes what could be taken for something else", () =>
    Effect.gen(function* () {
      const fields = {
        plain: "01J/a.tar",
        spaced: "a b",
        quote: 'a"b',
        empty: "",
        number: 7,
        forged: `x\n<3>status=412${ESC}[2J`,
        "odd key=": "v",
        turned: "a\u202eb"
      }
      expect(yield* prefixed(Effect.logInfo("m").pipe(Effect.annotateLogs(fields)))).toEqual([
        `<6>m plain=01J/a.tar spaced="a b" quote="a\\"b" empty="" number=7 forged="x\\n<3>status=412\\u001b[2J" odd_key_=v turned="a\\u202eb"`
      ])
    })
  )

  it.effect("lets no control character through in a message", () =>
    Effect.gen(function* () {
      expect(yield* prefixed(Effect.logInfo(`a${ESC}[31mb\u2028c\td`))).toEqual(["<6>a\\u001b[31mb", "<6>c\td"])
    })
  )

  it.effect("never shows what is redacted", () =>
    Effect.gen(function* () {
      const token = Redacted.make("s3cret")
      const log = Effect.logInfo("m", token, { token }, `${token}`, Cause.fail({ token }))
      const text = (yield* prefixed(log.pipe(Effect.annotateLogs({ token, nested: { token } })))).join("\n")
      expect(text).not.toContain("s3cret")
      expect(text).toContain("token=<redacted>")
    })
  )

  it.effect("says a failure in its words and a defect with all there is", () =>
    Effect.gen(function* () {
      expect(yield* prefixed(Effect.logError("pass failed", Cause.fail(new Error("no connection"))))).toEqual([
        "<3>pass failed: no connection"
      ])
      const lines = yield* prefixed(
        Effect.logFatal("exit", Cause.die(new TypeError("x is undefined"))).pipe(Effect.annotateLogs({ pid: 1 }))
      )
      expect(lines.slice(0, 2)).toEqual(["<2>exit pid=1", "<2>TypeError: x is undefined"])
      expect(lines.length).toBeGreaterThan(2)
      expect(lines.every((line) => line.startsWith("<2>"))).toBe(true)
    })
  )
})

describe("Logger, layerTerminal", () => {
  it.effect("is coloured, with the time, on a line of its own, and lets nothing else colour", () =>
    Effect.gen(function* () {
      const { stderr } = yield* logsOf(layerTerminal, Effect.logWarning(`disk${ESC}[2J`, "low"))
      expect(stderr).toEqual([
        expect.stringMatching(
          new RegExp(`^\r${ESC}\\[2K${ESC}\\[90m\\d\\d:\\d\\d:\\d\\d${ESC}\\[0m ${ESC}\\[33mWARN ${ESC}\\[0m disk`)
        )
      ])
      expect(stderr[0]).toContain("disk\\u001b[2J low")
    })
  )
})
