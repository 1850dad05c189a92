/** Commands for people to paste into a shell (POSIX.1-2024, "Shell Command Language", 2.2). */

import { plain } from "../cli/table.ts"

const PLAIN = /^[A-Za-z0-9_./:@%+,=-]+$/

const octal = (character: string): string =>
  Array.from(new TextEncoder().encode(character), (byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("")

const dollarQuoted = (text: string): string =>
  Array.from(text, (character) => {
    if (plain(character) !== character) return octal(character)
    return character === "'" || character === "\\" ? `\\${character}` : character
  }).join("")

/** One word, whatever is in it, of characters that stay as they are when they are printed. */
export const word = (text: string): string => {
  if (PLAIN.test(text)) return text
  return plain(text) === text ? `'${text.replaceAll("'", `'\\''`)}'` : `$'${dollarQuoted(text)}'`
}

export const words = (texts: ReadonlyArray<string>): string => texts.map(word).join(" ")

/** What is quoted or escaped, or else a comment. */
const QUOTED_OR_COMMENT = /('[^']*'|"(?:\\.|[^"\\])*"|\\.)|(?<=^|[\s;&|()])#.*$/g

const withoutComment = (line: string): string =>
  line.replaceAll(QUOTED_OR_COMMENT, (_, quoted?: string) => quoted ?? "")

/** What stands in several lines as one; a comment would swallow what comes after it. */
export const oneLine = (commands: string): string =>
  commands
    .split("\n")
    .map((line) => withoutComment(line).trim())
    .filter((line) => line !== "")
    .join(" && ")

/** To be put before a command: git works for the owner of a repository only, and what it writes there must be the owner's. */
export const asOwnerOf = (path: string): string => `sudo -u "$(stat -c %U ${word(path)})"`

/** A command that is to be run elsewhere; a shell passes over the comment. */
export const elsewhere = (where: string, command: string): string => `${command}  # on ${where}`
