import * as Command from "effect/cli/Command"
import { shipper } from "../src/cli/shipper.ts"
import { version } from "../src/domain/version.ts"
import { runProgram, services } from "./program.ts"

runProgram("cis490-shipper", Command.run(shipper, { version }), services)
