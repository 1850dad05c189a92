/** What the programs are made of on this machine, and how one is run. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliConfig from "effect/cli/CliConfig"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { teardown } from "../src/cli/exit.ts"
import * as Certificates from "./Certificates.ts"
import * as Codec from "./Codec.ts"
import * as Ending from "./Ending.ts"
import * as Environment from "./Environment.ts"
import * as Identity from "./Identity.ts"
import * as Journal from "./Journal.ts"
import * as LocalDisk from "./LocalDisk.ts"
import * as Logger from "./Logger.ts"
import * as Notify from "./Notify.ts"
import * as ServiceManager from "./ServiceManager.ts"
import * as Transport from "./Transport.ts"
import * as Volume from "./Volume.ts"

export const services = Layer.mergeAll(
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel] }),
  Certificates.layerNode,
  Codec.layerCodec,
  DateTime.layerCurrentZoneLocal,
  Ending.layerNode,
  Environment.layerProcess,
  Identity.layerProcess,
  Logger.layerLogger,
  Notify.layerSystemd(),
  Transport.layerUndici,
  LocalDisk.layerInPlace.pipe(Layer.provideMerge(Layer.merge(Volume.layerVolume, NodeServices.layer))),
  Layer.mergeAll(Journal.layerSystemd, ServiceManager.layerSystemd).pipe(Layer.provide(NodeServices.layer))
)

/** Runs it as the whole process. `name` as its users call it. */
export const runProgram = <E, R>(
  name: string,
  program: Effect.Effect<void, E, R>,
  services: Layer.Layer<NoInfer<R>>
): void =>
  program.pipe(
    Effect.tapDefect((defect) =>
      Effect.logFatal(`this is a mistake in ${name}; it ends and is to be started again`, defect)
    ),
    Effect.provide(services),
    NodeRuntime.runMain({ disableErrorReporting: true, teardown })
  )
