/** What must become of an episode once everything works again, by what it is. The first that fits the gate counts. */
import type { ReasonName } from "../../../src/domain/reason.ts"
import type { EpisodeKind } from "./plan.ts"

export type Ending =
  /** In `shipped/` (or pruned) and in the store. */
  | "shipped"
  /** Still in `episodes/`, as nobody has finished it. */
  | "untouched"
  | ReasonName

interface Expectation {
  readonly gateOn: ReadonlyArray<Ending>
  readonly gateOff: ReadonlyArray<Ending>
}

const always = (...endings: ReadonlyArray<Ending>): Expectation => ({ gateOn: endings, gateOff: endings })

export const expected: Readonly<Record<EpisodeKind, Expectation>> = {
  good: always("shipped"),
  deep: always("shipped"),
  large: always("shipped"),
  reasonInside: always("shipped"),
  unstamped: { gateOn: ["bad_request", "unstamped"], gateOff: ["shipped", "unstamped"] },
  malformedCommit: { gateOn: ["bad_request", "unstamped"], gateOff: ["shipped", "unstamped"] },
  oldCommit: { gateOn: ["out_of_window"], gateOff: ["shipped"] },
  symlink: always("unpackable"),
  badName: always("unpackable"),
  brokenManifest: always("unpackable"),
  tooLarge: always("too_large"),
  unfinished: always("untouched")
}
