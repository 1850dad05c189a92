/** A page whose commands are run, and whose shown output is held against what they say. */
import * as fs from "node:fs"

export type Step =
  | { readonly _tag: "Run"; readonly command: string; readonly shown: ReadonlyArray<string>; readonly line: number }
  | { readonly _tag: "Write"; readonly path: string; readonly text: string }
  /** Happens behind the reader's back: `<!-- test: WHAT -->`. */
  | { readonly _tag: "Meanwhile"; readonly what: string }

const commandsOf = (lines: ReadonlyArray<string>, first: number): ReadonlyArray<Step> => {
  const steps: Array<{ _tag: "Run"; command: string; shown: Array<string>; line: number }> = []
  lines.forEach((line, at) => {
    if (line.startsWith("$ ")) steps.push({ _tag: "Run", command: line.slice(2), shown: [], line: first + at })
    else steps.at(-1)?.shown.push(line)
  })
  return steps
}

const fileOf = (lines: ReadonlyArray<string>): ReadonlyArray<Step> => {
  const path = /^# (\/\S+)$/.exec(lines[0] ?? "")?.[1]
  return path === undefined ? [] : [{ _tag: "Write", path, text: `${lines.join("\n")}\n` }]
}

const kinds: Readonly<Record<string, (lines: ReadonlyArray<string>, first: number) => ReadonlyArray<Step>>> = {
  console: commandsOf,
  toml: fileOf
}

/** What a page in Markdown does, in its order. */
export const readPage = (path: string): ReadonlyArray<Step> => {
  const lines = fs.readFileSync(path, "utf8").split("\n")
  const steps: Array<Step> = []
  for (let at = 0; at < lines.length; at++) {
    const what = /^<!-- test: (\S+) -->$/.exec(lines[at] ?? "")?.[1]
    if (what !== undefined) steps.push({ _tag: "Meanwhile", what })
    const kind = /^```(\w+)$/.exec(lines[at] ?? "")?.[1]
    if (kind === undefined) continue
    const end = lines.indexOf("```", at + 1)
    steps.push(...(kinds[kind]?.(lines.slice(at + 1, end), at + 2) ?? []))
    at = end
  }
  return steps
}

/** Without what differs from one time to the next: numbers, moments, digests, widths. */
const plain = (line: string): string =>
  line
    .replaceAll(/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<moment>")
    .replaceAll(/\b[0-9a-f]{12,}\b/g, "<hex>")
    .replaceAll(/\b\d+(?:[.,]\d+)?/g, "<n>")
    .replaceAll(/<n> (?:B|KiB|MiB|GiB|TiB)\b/g, "<size>")
    .replaceAll(/<n> (?:ms|s|min|h|d)\b/g, "<time>")
    .replaceAll(/<time> <time>/g, "<time>")
    .replaceAll(/\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b/g, "<month>")
    .replaceAll(/\s+/g, " ")
    .trim()

const ELLIPSIS = "…"

/** The first shown line that was not said in its place; `undefined` when all were. */
export const notSaid = (shown: ReadonlyArray<string>, said: string): string | undefined => {
  const lines = said
    .split("\n")
    .map(plain)
    .filter((line) => line !== "")
  let at = 0
  let skipping = false
  for (const line of shown.filter((each) => each.trim() !== "")) {
    if (line.trim() === ELLIPSIS) {
      skipping = true
      continue
    }
    const found = skipping ? lines.indexOf(plain(line), at) : lines[at] === plain(line) ? at : -1
    if (found === -1) return line
    at = found + 1
    skipping = false
  }
  return skipping || at === lines.length ? undefined : `(nothing more, but there is) ${lines[at]}`
}
