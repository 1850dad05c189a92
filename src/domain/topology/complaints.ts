import * as SchemaIssue from "effect/SchemaIssue"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** `lans[0].subnet`. */
const written = (path: ReadonlyArray<PropertyKey>): string =>
  path.reduce<string>(
    (before, part) =>
      typeof part === "number" ? `${before}[${part}]` : `${before === "" ? "" : `${before}.`}${String(part)}`,
    ""
  )

/** What does not fit a schema, each in words on one line. */
export const complaints = (issue: SchemaIssue.Issue): ReadonlyArray<string> =>
  format(issue).issues.map(({ message, path = [] }) => {
    const where = written(path.map((part) => (typeof part === "object" ? part.key : part)))
    return `${where === "" ? "the whole" : where}: ${message.replaceAll(/\s+/g, " ")}`
  })
