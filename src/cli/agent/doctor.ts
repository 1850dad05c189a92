import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { doctorFlags } from "../doctor.ts"

export const doctorCommand = Command.make("doctor", doctorFlags, (given) =>
  Effect.flatMap(
    // Most commands never need it.
    Effect.promise(() => import("./doctorLooks.ts")),
    ({ doctor }) => doctor(given)
  )
).pipe(
  Command.withDescription("Look at everything that may be wrong here, and say the command that mends it"),
  Command.withExamples([
    { command: "cis490-agent doctor", description: "What is wrong, and what mends it" },
    { command: "cis490-agent doctor --json", description: "The same for a script" },
    { command: "cis490-agent doctor --bundle /tmp/agent.tar.zst", description: "What a maintainer would ask for" }
  ])
)
