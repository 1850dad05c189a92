/** What `doctor` of every program takes, and what its help shows. */
import * as Flag from "effect/cli/Flag"
import { json } from "./json.ts"

export const doctorFlags = {
  json,
  bundle: Flag.File("bundle").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("Also write what a maintainer would ask for, without secrets, to a new file (.tar.zst)"),
    Flag.optional
  )
}

/** `bundle`: where the file of the third example lies. */
export const doctorExamples = (program: string, bundle: string) => [
  { command: `${program} doctor`, description: "What is wrong, and what mends it" },
  { command: `${program} doctor --json`, description: "The same for a script" },
  { command: `${program} doctor --bundle ${bundle}`, description: "What a maintainer would ask for" }
]
