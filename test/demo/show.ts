/** What the demo prints: 80 columns, coloured only at a terminal. */
import { isDeepStrictEqual, styleText } from "node:util"

const WIDTH = 80

const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
  styleText(format, text, { stream: process.stdout })

/** Breaks after spaces and commas; what has neither stays whole, so that it can be copied. */
export const fold = (text: string, indent = "    ", margin = 0): ReadonlyArray<string> => {
  if (text.length <= WIDTH) return [text]
  const lines = [""]
  for (const piece of text.match(/[^ ,]*[ ,]|[^ ,]+/g) ?? []) {
    const last = lines.at(-1) ?? ""
    if (last.trim() === "" || (last + piece).trimEnd().length <= WIDTH - margin) lines[lines.length - 1] = last + piece
    else lines.push(indent + piece)
  }
  return lines.map((line) => line.trimEnd())
}

/** sd-daemon(3) prefixes as words. */
const LEVELS: Readonly<Record<string, string>> = { 2: "FATAL", 3: "ERROR", 4: "WARN ", 6: "INFO ", 7: "DEBUG" }
const levelled = (line: string): string => line.replace(/^<(\d)>/, (_, level: string) => `${LEVELS[level] ?? level} `)

/** A claim that did not hold. */
export class Untrue extends Error {}

export const makeShow = (shorten: (text: string) => string) => {
  let chapters = 0
  let claims = 0

  const print = (text: string) => {
    for (const line of shorten(text).trimEnd().split("\n")) for (const part of fold(line)) console.log(part)
  }
  const paragraph = (text: string) => {
    for (const part of fold(shorten(text), "")) console.log(part)
  }

  return {
    print,
    paragraph,
    claims: () => claims,
    chapter: (title: string, text: string) => {
      chapters++
      console.log(`\n${paint("bold", `${chapters}  ${title}`)}\n`)
      paragraph(text)
      console.log()
    },
    /** A command as an operator types it. */
    command: (...words: ReadonlyArray<string>) => {
      console.log(paint("cyan", fold(`$ ${words.join(" ")}`, "      ", 2).join(" \\\n")))
    },
    /** Lines of a log, their levels as words. */
    log: (text: string) => {
      if (text !== "") print(text.trimEnd().split("\n").map(levelled).join("\n"))
    },
    /** Something shown that no command of ours prints. */
    exhibit: (title: string, lines: ReadonlyArray<string>) => {
      console.log(paint("cyan", `# ${shorten(title)}`))
      print(lines.join("\n"))
    },
    gap: () => console.log(),
    /** Says that it is so, or throws. */
    check: (claim: string, found: unknown, wanted: unknown = true) => {
      if (!isDeepStrictEqual(found, wanted)) {
        const words = (value: unknown) => shorten(JSON.stringify(value))
        throw new Untrue(`not so: ${claim}\n  wanted ${words(wanted)}\n  found  ${words(found)}`)
      }
      claims++
      for (const part of fold(`✓ ${claim}`, "  ")) console.log(paint("green", part))
    }
  }
}
export type Show = ReturnType<typeof makeShow>
