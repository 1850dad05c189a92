import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { doctorExamples, doctorFlags } from "../doctor.ts"

const flags = {
  ...doctorFlags,
  since: Flag.String("since").pipe(
    Flag.withMetavar("TIME"),
    Flag.withDescription("How far back the journal is read, as systemd.time(7) has it (-10min)"),
    Flag.withDefault("-10min")
  )
}

export const doctorCommand = Command.make("doctor", flags, (given) =>
  Effect.flatMap(
    // Most commands never need it.
    Effect.promise(() => import("./doctorLooks.ts")),
    ({ doctor }) => doctor(given)
  )
).pipe(
  Command.withDescription("Look at everything that may be wrong on this host, and say the command that mends it"),
  Command.withExamples(doctorExamples("cis490-shipper", "/tmp/lab-01.tar.zst"))
)
