import * as Command from "effect/cli/Command"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Layer from "effect/Layer"
import { receiver } from "../src/cli/receiver.ts"
import { version } from "../src/domain/version.ts"
import * as Authority from "./Authority.ts"
import * as Listener from "./Listener.ts"
import * as Lookups from "./Lookups.ts"
import * as Orders from "./Orders.ts"
import { runProgram, services } from "./program.ts"

runProgram(
  "cis490-receiver",
  Command.run(receiver, { version }),
  Layer.mergeAll(
    services,
    Authority.layerNode,
    Listener.layerNode,
    Lookups.layerSqlite,
    Orders.layerSqlite,
    SecureRandom.layerWebCrypto
  )
)
