import * as Command from "effect/cli/Command"
import { doctorCommand } from "./agent/doctor.ts"
import { root } from "./agent/root.ts"
import { runCommand } from "./agent/run.ts"
import { stateCommand } from "./agent/state.ts"

/** `cis490-agent`. */
export const agent = root.pipe(Command.withSubcommands([runCommand, stateCommand, doctorCommand]))
