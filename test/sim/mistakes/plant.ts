/** Makes one mistake in a source file as it is loaded; the file itself stays as it is. To be called before anything of `src` is imported. */
import { readFileSync } from "node:fs"
import { registerHooks } from "node:module"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import type { Mistake } from "./mistakes.ts"

const CHECKOUT = join(import.meta.dirname, "../../..")

/** The file with the mistake in it; throws when what is to be replaced is not there, or not only once. */
export const withMistake = ({ file, find, name, replace }: Mistake): string => {
  const source = readFileSync(join(CHECKOUT, file), "utf8")
  const times = source.split(find).length - 1
  if (times !== 1) throw new Error(`the mistake "${name}" looks for something in ${file} that is there ${times} times`)
  return source.replace(find, () => replace)
}

export const plant = (mistake: Mistake): void => {
  const url = pathToFileURL(join(CHECKOUT, mistake.file)).href
  const source = withMistake(mistake)
  registerHooks({
    load: (asked, context, next) =>
      asked === url ? { format: "module-typescript", source, shortCircuit: true } : next(asked, context)
  })
}
