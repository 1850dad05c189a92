/** The configuration, as the program itself reads it. */
import type { SettingProblem } from "../domain/decodeSettings.ts"
import { type Finding, green, red } from "./row.ts"
import { word, words } from "./shell.ts"

export interface Unusable {
  readonly file: string
  readonly problems: ReadonlyArray<SettingProblem>
  readonly warning?: string
}

const line = ({ found, key, variable, wants }: SettingProblem): string =>
  `${key === undefined ? "" : `${key}: `}found ${found}${variable === undefined ? "" : ` in ${variable}`}, wants ${wants}`

/** `asRoot` looks again as a user who may read everything. */
export const judgeUnusable = ({ file, problems, warning }: Unusable, asRoot: string): Finding => {
  const found = [...problems.map(line), ...(warning === undefined ? [] : [warning])].join("; ")
  const variables = problems.map(({ variable }) => variable).filter((name) => name !== undefined)
  if (variables.length === problems.length) return red(found, `unset ${words([...new Set(variables)])}`)
  return red(found, problems.some(({ found }) => found.includes("may not read")) ? asRoot : `sudoedit ${word(file)}`)
}

export const judgeUsable = (warning: string | undefined): Finding =>
  green(warning === undefined ? "usable" : `usable; ${warning}`)
