/** What is said to a script on its command line. A mistake is told and ends with 2, `--help` with 0. */
import { type ParseArgsOptionsConfig, parseArgs } from "node:util"

export const say = (text: string): void => void process.stdout.write(`${text}\n`)

const refuse = (why: string): never => {
  process.stderr.write(`${why}; --help says what there is\n`)
  process.exit(2)
}

export const readOptions = <const T extends ParseArgsOptionsConfig>(help: string, options: T) => {
  const read = () => {
    try {
      return parseArgs({ allowPositionals: true, options: { ...options, help: { type: "boolean", short: "h" } } })
    } catch (error) {
      return refuse(error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error))
    }
  }
  const { positionals, values } = read()
  if ("help" in values && values.help === true) {
    say(help.trim())
    process.exit(0)
  }
  return { positionals, values: values as ReturnType<typeof parseArgs<{ options: T }>>["values"] }
}

/** A whole number from `least` on. */
export const count = (option: string, text: string, least = 1): number => {
  const value = Number(text)
  return Number.isInteger(value) && value >= least
    ? value
    : refuse(`--${option} is a whole number from ${least} on, not ${text}`)
}

/** The names that were given, each one of `known`; all of them where there are none. */
export const chosen = <Name extends string>(
  positionals: ReadonlyArray<string>,
  known: ReadonlyArray<Name>
): ReadonlyArray<Name> => {
  const found = positionals.map(
    (given) => known.find((name) => name === given) ?? refuse(`${given} is none of ${known.join(", ")}`)
  )
  return found.length > 0 ? found : known
}
