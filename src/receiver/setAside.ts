import * as Effect from "effect/Effect"
import { IndexLog } from "./IndexLog.ts"
import { now, withdrawalOf } from "./rows.ts"
import { Store } from "./Store.ts"
import type { Finding } from "./verify.ts"

export interface SetAside extends Finding {
  /** Where it lies now. */
  readonly movedTo: string
}

const setAsideOne = Effect.fnUntraced(function* (finding: Finding) {
  const index = yield* IndexLog
  const store = yield* Store
  const movedTo = yield* store.setAside(finding)
  // A crash here leaves a row whose file is missing: its own content is still taken back, and `verify` says so.
  const row = yield* index.find(finding)
  if (row !== undefined) yield* index.append(withdrawalOf(row, yield* now))
  return { ...finding, movedTo } satisfies SetAside
})

/** Moves the damaged files that `verify` found to `damaged/` and withdraws their rows, so that they can be sent again. */
export const setAside = (findings: ReadonlyArray<Finding>) =>
  Effect.forEach(
    findings.filter(({ kind }) => kind === "damaged"),
    setAsideOne
  )
