/** What `doctor` of either program takes. */
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
