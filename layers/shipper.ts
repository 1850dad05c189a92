import * as Command from "effect/cli/Command"
import { shipper } from "../src/cli/shipper.ts"
import { version } from "../src/domain/version.ts"
import { inTime } from "./Ending.ts"
import { runProgram, services } from "./program.ts"

runProgram("cis490-shipper", inTime(Command.run(shipper, { version })), services)
