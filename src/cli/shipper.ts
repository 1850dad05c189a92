import * as Command from "effect/cli/Command"
import { doctorCommand } from "./shipper/doctor.ts"
import { drainCommand } from "./shipper/drain.ts"
import { quarantineCommand } from "./shipper/quarantine.ts"
import { requeueCommand } from "./shipper/requeue.ts"
import { reshipCommand } from "./shipper/reship.ts"
import { resolveCommand } from "./shipper/resolve.ts"
import { retryCommand } from "./shipper/retry.ts"
import { root } from "./shipper/root.ts"
import { statusCommand } from "./shipper/status.ts"
import { onceCommand, pingCommand, runCommand } from "./shipper/work.ts"

/** `cis490-shipper`. */
export const shipper = root.pipe(
  Command.withSubcommands([
    runCommand,
    pingCommand,
    onceCommand,
    doctorCommand,
    statusCommand,
    drainCommand,
    requeueCommand,
    quarantineCommand,
    retryCommand,
    resolveCommand,
    reshipCommand
  ])
)
