import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { Reason } from "../../domain/reason.ts"
import { DEFAULT_REMEDIATION } from "../../domain/receiverSettings.ts"
import { orMissing } from "../../presence.ts"
import { Layout, REASON_FILE } from "../../shipper/layout.ts"
import { readJson } from "../../shipper/readJson.ts"
import { oneLine } from "../shell.ts"

/** The newest entries: one of them was refused a moment ago, if any was. */
const LOOKED_AT = 50
const LOOK_MILLIS = 2000

const remediationOf = (reason: Reason): string | undefined =>
  reason.reason === "out_of_window" && Predicate.isObject(reason.body) && Predicate.isString(reason.body.remediation)
    ? reason.body.remediation
    : undefined

const said = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Layout
  const names = (yield* orMissing(fs.readDirectory(paths.quarantine))) ?? []
  for (const name of names.toSorted().toReversed().slice(0, LOOKED_AT)) {
    const reading = yield* readJson(`${paths.quarantined(name)}/${REASON_FILE}`, Reason)
    const remediation = reading._tag === "Read" ? remediationOf(reading.value) : undefined
    if (remediation !== undefined) return remediation
  }
  return undefined
})

/** What brings the code of this host up to date: as the receiver said with its last refusal, else as on a host that was installed as usual. */
export const updateCommand = Effect.map(Effect.timeoutOption(Effect.option(said), LOOK_MILLIS), (found) =>
  oneLine(Option.getOrUndefined(Option.flatten(found)) ?? DEFAULT_REMEDIATION)
)
