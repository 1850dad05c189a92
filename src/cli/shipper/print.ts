import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { Report } from "../../shipper/operator/report.ts"
import { Attention } from "../exit.ts"
import { printJson } from "../json.ts"
import { plain } from "../table.ts"

/** One line per name, then how many; ends with 1 when a name could not be done. */
export const printReport = Effect.fnUntraced(function* <A>(
  report: Report<A>,
  options: { readonly json: boolean; readonly line: (done: A) => string; readonly verb: string }
) {
  if (options.json) yield* printJson(report)
  else {
    for (const done of report.done) yield* Console.log(plain(options.line(done)))
    for (const { name, error } of report.failed) yield* Console.error(plain(`${name}: ${error}`))
    const failed = report.failed.length === 0 ? "" : `, ${report.failed.length} not`
    yield* Console.log(`${options.verb} ${report.done.length}${failed}`)
  }
  if (report.failed.length > 0) return yield* new Attention()
})
