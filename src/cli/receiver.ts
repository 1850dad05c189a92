import * as Command from "effect/cli/Command"
import { doctorCommand } from "./receiver/doctor.ts"
import { hostsCommand } from "./receiver/hosts.ts"
import { pkiCommand } from "./receiver/pki.ts"
import { root } from "./receiver/root.ts"
import { runCommand } from "./receiver/run.ts"
import { backfillCommand, verifyCommand } from "./receiver/store.ts"
import { topologyCommand } from "./receiver/topology.ts"

/** `cis490-receiver`. */
export const receiver = root.pipe(
  Command.withSubcommands([
    runCommand,
    backfillCommand,
    verifyCommand,
    hostsCommand,
    topologyCommand,
    pkiCommand,
    doctorCommand
  ])
)
