import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type { Severity } from "effect/LogLevel"
import * as References from "effect/References"
import { CLEAR_LINE } from "../src/cli/progressLine.ts"

interface Event {
  readonly level: Severity
  readonly date: Date
  /** At least one, free of control characters. */
  readonly lines: readonly [string, ...ReadonlyArray<string>]
  /** ` key=value` each. */
  readonly fields: ReadonlyArray<string>
}

const LINE_BREAK = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/
/** What can move a cursor, end a line or turn the reading order around. */
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
const PLAIN_VALUE = /^[^\s"'=\\]+$/

const escaped = (text: string): string =>
  text.replaceAll(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** An error is what it says; `Formatter` keeps what is redacted redacted. */
const inWords = (value: unknown): string => {
  if (typeof value === "string") return value
  return value instanceof Error ? value.message : Formatter.format(value)
}

const quoted = (value: string): string =>
  PLAIN_VALUE.test(value) && escaped(value) === value ? value : escaped(JSON.stringify(value))
const field = (key: string, value: unknown): string =>
  ` ${escaped(key).replaceAll(/[\s="]/g, "_")}=${quoted(inWords(value))}`

/** A failure is said in its own words; a defect, which only we can mend, with everything there is. */
const causeInWords = (cause: Cause.Cause<unknown>): ReadonlyArray<string> => {
  if (cause.reasons.length === 0) return []
  if (Cause.hasInterruptsOnly(cause)) return ["interrupted"]
  return cause.reasons.filter(Cause.isFailReason).map((reason) => inWords(reason.error))
}
const defectsInFull = (cause: Cause.Cause<unknown>): string =>
  Cause.pretty(Cause.fromReasons(cause.reasons.filter(Cause.isDieReason)))

const eventOf = ({ cause, date, fiber, logLevel, message }: Logger.Options<unknown>): Event => {
  const said = (Array.isArray(message) ? message : [message]).map(inWords).join(" ")
  const head = [said, ...causeInWords(cause)].filter((part) => part !== "").join(": ")
  const text = Cause.hasDies(cause) ? `${head}\n${defectsInFull(cause)}` : head
  const [first = "", ...rest] = text.trimEnd().split(LINE_BREAK).map(escaped)
  const spans = fiber
    .getRef(References.CurrentLogSpans)
    .map(([label, start]) => field(label, `${date.getTime() - start}ms`))
  const annotations = Object.entries(fiber.getRef(References.CurrentLogAnnotations)).map(([key, value]) =>
    field(key, value)
  )
  return { level: logLevel as Severity, date, lines: [first, ...rest], fields: [...annotations, ...spans] }
}

/** sd-daemon(3). */
const PRIORITY: Readonly<Record<Severity, number>> = { Fatal: 2, Error: 3, Warn: 4, Info: 6, Debug: 7, Trace: 7 }
/** ECMA-48 colours. */
const COLOUR: Readonly<Record<Severity, number>> = { Fatal: 35, Error: 31, Warn: 33, Info: 32, Debug: 36, Trace: 90 }

const prefixed = ({ level, lines: [first, ...rest], fields }: Event): string =>
  [`${first}${fields.join("")}`, ...rest].map((line) => `<${PRIORITY[level]}>${line}`).join("\n")

/** The progress line makes way for an event. */
const coloured = ({ level, date, lines: [first, ...rest], fields }: Event): string => {
  const paint = (colour: number, text: string): string => (text === "" ? "" : `\u001b[${colour}m${text}\u001b[0m`)
  const time = date.toTimeString().slice(0, 8)
  const head = `${paint(90, time)} ${paint(COLOUR[level], level.toUpperCase().padEnd(5))} ${first}`
  return [`${CLEAR_LINE}${head}${paint(90, fields.join(""))}`, ...rest.map((line) => `               ${line}`)].join(
    "\n"
  )
}

const layerOf = (write: (event: Event) => string): Layer.Layer<never> =>
  Layer.merge(
    Logger.layer([Logger.withConsoleError(Logger.make((options) => write(eventOf(options))))]),
    Layer.succeed(References.MinimumLogLevel, "Info")
  )

/**
 * For systemd, pipes and files: each line with its `<N>` prefix. The fields stand on the first line of an event, so that an event
 * counts once however many lines it has.
 */
export const layerPrefixed = layerOf(prefixed)

/** For people. */
export const layerTerminal = layerOf(coloured)

/** Logs to stderr, as fits what stderr is. */
export const layerLogger: Layer.Layer<never> = Layer.unwrap(
  Effect.sync(() => (process.stderr.isTTY ? layerTerminal : layerPrefixed))
)
