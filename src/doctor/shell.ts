/** Commands for people to paste into a shell (POSIX.1-2024, "Shell Command Language", 2.2). */

const PLAIN = /^[A-Za-z0-9_./:@%+,=-]+$/

/** One word, whatever is in it. */
export const word = (text: string): string => (PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

export const words = (texts: ReadonlyArray<string>): string => texts.map(word).join(" ")

/** What stands in several lines as one. */
export const oneLine = (commands: string): string =>
  commands
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .join(" && ")

/** To be put before a command: git works for the owner of a repository only, and what it writes there must be the owner's. */
export const asOwnerOf = (path: string): string => `sudo -u "$(stat -c %U ${word(path)})"`

/** A command that is to be run elsewhere; a shell passes over the comment. */
export const elsewhere = (where: string, command: string): string => `${command}  # on ${where}`
