/** A program's page in section 1, from what its command line says about itself. */
import type { ArgDoc, FlagDoc, HelpDoc } from "effect/cli/HelpDoc"
import * as Option from "effect/Option"
import type { CommandHelp } from "./help.ts"
import { bold, italic, manual, pageReference, paragraph, plain, section, subsection, tagged, verbatim } from "./roff.ts"

export interface CommandPage {
  readonly name: string
  readonly summary: string
  readonly about: string
  readonly config: string
  readonly state: string
  readonly version: string
  /** YYYY-MM-DD. */
  readonly date: string
}

const sentence = (text: string): string => plain(/[.!?]$/.test(text) ? text : `${text}.`)

const described = (description: Option.Option<string>): string =>
  Option.match(description, { onNone: () => "\\&", onSome: sentence })

const flagTerm = ({ aliases, name, type }: FlagDoc): string =>
  [`--${name}`, ...aliases].map(bold).join(", ") + (type === "boolean" ? "" : ` ${italic(type)}`)

const flag = (doc: FlagDoc): string => tagged(flagTerm(doc), described(doc.description))

const argumentTerm = ({ name, required, variadic }: ArgDoc): string => {
  const word = `${italic(name)}${variadic ? "..." : ""}`
  return required ? word : `[${word}]`
}

const argument = (doc: ArgDoc): string => tagged(argumentTerm(doc), described(doc.description))

const pathOf = (doc: HelpDoc): string => (doc.commandPath ?? []).join(" ")

const usage = (doc: HelpDoc, flags: ReadonlyArray<FlagDoc>): string => {
  const args = (doc.args ?? []).map(argumentTerm)
  return paragraph([bold(pathOf(doc)), ...(flags.length === 0 ? [] : ["[flags]"]), ...args].join(" "))
}

const examples = (doc: HelpDoc): string =>
  (doc.examples ?? [])
    .map(({ command, description }) => verbatim(`${description === undefined ? "" : `# ${description}\n`}${command}`))
    .join("")

/** Its own flags, and those of the commands between it and the program. */
const flagsOf = (doc: HelpDoc, everywhere: ReadonlyArray<FlagDoc>): ReadonlyArray<FlagDoc> => [
  ...doc.flags,
  ...(doc.inheritedFlags ?? []).filter(({ name }) => !everywhere.some((flag) => flag.name === name))
]

const leaf = ({ doc }: CommandHelp, everywhere: ReadonlyArray<FlagDoc>): string => {
  const flags = flagsOf(doc, everywhere)
  return [
    subsection(pathOf(doc).split(" ").slice(1).join(" ")),
    usage(doc, flags),
    paragraph(sentence(doc.description)),
    ...(doc.args ?? []).map(argument),
    ...flags.map(flag),
    examples(doc)
  ].join("")
}

/** Every command that does something, in the order of the declarations. */
const leaves = (help: CommandHelp): ReadonlyArray<CommandHelp> =>
  help.subcommands.length === 0 ? [help] : help.subcommands.flatMap(leaves)

const STATUS = [
  ["0", "All is well."],
  ["1", "It ran, and something needs attention."],
  ["2", "The command line or the configuration cannot be used."]
] as const

export const commandPage = (page: CommandPage, help: CommandHelp): string => {
  const { config, name, state } = page
  const unit = `${name}.service`
  return manual(
    { name, section: 1, date: page.date, source: `CIS490 ${page.version}` },
    section("NAME"),
    `${plain(name)} \\- ${plain(page.summary)}\n`,
    section("SYNOPSIS"),
    paragraph(`${bold(name)} ${italic("command")} [${bold("--config")} ${italic("file")}] [flags]`),
    section("DESCRIPTION"),
    paragraph(plain(page.about)),
    paragraph(
      `${bold("systemd")}(1) runs it as ${bold(unit)}. ${bold(`${name} doctor`)} says what is wrong, and what mends it.`
    ),
    section("COMMANDS"),
    ...leaves(help).map((command) => leaf(command, help.doc.flags)),
    section("OPTIONS"),
    paragraph("Every command takes these."),
    ...help.doc.flags.map(flag),
    ...(help.doc.globalFlags ?? []).map(flag),
    section("EXIT STATUS"),
    ...STATUS.map(([status, meaning]) => tagged(bold(status), plain(meaning))),
    section("ENVIRONMENT"),
    tagged(
      `${bold("CIS490_")}${italic("KEY")}`,
      `Sets a key of the configuration; which, and how, is said in ${pageReference(config, 5)}.`
    ),
    tagged(bold("NO_COLOR"), plain("Set to anything, it takes the colours away.")),
    section("FILES"),
    tagged(italic(`/etc/cis490/${config}`), `The configuration, ${pageReference(config, 5)}.`),
    tagged(italic(state), plain("What it works on and keeps.")),
    tagged(italic("/etc/credstore"), plain(`Secrets for ${unit}; their names stand in the unit.`)),
    section("SEE ALSO"),
    paragraph([pageReference(config, 5), pageReference("systemctl", 1), pageReference("journalctl", 1)].join(", "))
  )
}
