import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { doctorExamples, doctorFlags } from "../doctor.ts"

export const doctorCommand = Command.make("doctor", doctorFlags, (given) =>
  Effect.flatMap(
    // Most commands never need it.
    Effect.promise(() => import("./doctorLooks.ts")),
    ({ doctor }) => doctor(given)
  )
).pipe(
  Command.withDescription("Look at everything that may be wrong here, and say the command that mends it"),
  Command.withExamples(doctorExamples("cis490-receiver", "/tmp/receiver.tar.zst"))
)
