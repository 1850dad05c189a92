import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliConfig from "effect/cli/CliConfig"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { teardown } from "../src/cli/exit.ts"
import { receiver } from "../src/cli/receiver.ts"
import { version } from "../src/domain/version.ts"
import * as Authority from "./Authority.ts"
import * as Certificates from "./Certificates.ts"
import * as Codec from "./Codec.ts"
import * as Ending from "./Ending.ts"
import * as Environment from "./Environment.ts"
import * as Journal from "./Journal.ts"
import * as Listener from "./Listener.ts"
import * as Logger from "./Logger.ts"
import * as Lookups from "./Lookups.ts"
import * as Notify from "./Notify.ts"
import * as ServiceManager from "./ServiceManager.ts"
import * as Transport from "./Transport.ts"
import * as Volume from "./Volume.ts"

const services = Layer.mergeAll(
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel] }),
  Authority.layerNode,
  Certificates.layerNode,
  Codec.layerCodec,
  Ending.layerNode,
  Environment.layerProcess,
  Logger.layerLogger,
  Notify.layerSystemd(),
  Listener.layerNode,
  Lookups.layerSqlite,
  Transport.layerUndici,
  Volume.layerVolume,
  Layer.mergeAll(Journal.layerSystemd, ServiceManager.layerSystemd).pipe(Layer.provideMerge(NodeServices.layer))
)

receiver.pipe(
  Command.run({ version }),
  Effect.tapDefect((defect) =>
    Effect.logFatal("this is a mistake in cis490-receiver; it ends and is to be started again", defect)
  ),
  Effect.provide(services),
  NodeRuntime.runMain({ disableErrorReporting: true, teardown })
)
