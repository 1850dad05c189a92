/** The few requests of man(7) that the pages are made of. Every function returns whole lines. */

const SPECIAL: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  "`": "\\(ga",
  '"': "\\(dq",
  "~": "\\(ti",
  "^": "\\(ha"
}

/** Text as it is, with nothing in it that roff would take for itself. */
export const plain = (text: string): string =>
  text
    .replaceAll(/[\\\-'`"~^]/g, (character) => SPECIAL[character] ?? character)
    .replaceAll(/[^\x20-\x7e\n]/gu, (character) => `\\[u${hex(character)}]`)
    .replaceAll(/^\./gm, "\\&.")

const hex = (character: string): string => (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")

export const bold = (text: string): string => `\\fB${plain(text)}\\fR`

export const italic = (text: string): string => `\\fI${plain(text)}\\fR`

export interface Heading {
  readonly name: string
  readonly section: number
  /** YYYY-MM-DD. */
  readonly date: string
  readonly source: string
}

/** A whole page. Names of keys and variables are not hyphenated; a heading stands right above its paragraph. */
export const manual = ({ date, name, section, source }: Heading, ...parts: ReadonlyArray<string>): string =>
  [`.TH "${plain(name.toUpperCase())}" "${section}" "${date}" "${plain(source)}" "CIS490"`, ".nh", ".ad l", ...parts]
    .join("\n")
    .replaceAll(/(?<=^\.S[HS] .*\n)\n*\.PP\n/gm, "")
    .replaceAll(/\n{2,}/g, "\n")

export const section = (name: string): string => `.SH ${plain(name)}\n`

export const subsection = (name: string): string => `.SS ${plain(name)}\n`

/** Already escaped. */
export const paragraph = (text: string): string => `.PP\n${text}\n`

/** A term, already escaped, and what is said about it in a paragraph or more. */
export const tagged = (term: string, ...said: ReadonlyArray<string>): string =>
  `.TP\n${term}\n${said.join("\n.br\n")}\n`

/** Lines that are to be typed or stand in a file. */
export const verbatim = (text: string): string => `.PP\n.RS 4\n.nf\n${plain(text)}\n.fi\n.RE\n`

export const pageReference = (name: string, section: number): string => `${bold(name)}(${section})`
