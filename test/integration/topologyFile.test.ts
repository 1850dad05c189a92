/** As whom an operator's file is read. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { expect, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Transport from "../../layers/Transport.ts"
import { layerVolume } from "../../layers/Volume.ts"
import { root } from "../../src/cli/receiver/root.ts"
import { topologyCommand } from "../../src/cli/receiver/topology.ts"
import { Environment } from "../../src/services/Environment.ts"
import { Identity } from "../../src/services/Identity.ts"
import { TWO_LANS } from "../support/topology.ts"

const program = Command.runWith(root.pipe(Command.withSubcommands([topologyCommand])), { version: "0" })

const layer = Layer.mergeAll(
  NodeServices.layer,
  layerVolume,
  Transport.layerUndici,
  Layer.succeed(Environment, { variables: {} })
)

it.live("a topology that only who runs the program may read is read before it acts as the store's owner", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    const config = `${directory}/receiver.toml`
    const file = `${directory}/topology.json`
    yield* fs.writeFileString(
      config,
      `[auth]\nadmin_token = "the-operators"\n[paths]\nstore_root = "${directory}/store"\n`
    )
    yield* fs.writeFileString(file, JSON.stringify(TWO_LANS))
    const owner = { actAsOwnerOf: () => Effect.orDie(fs.remove(file)) }
    const said: Array<string> = []
    const console = Object.assign(Object.create(globalThis.console), { error: (line: string) => said.push(line) })
    yield* program(["--config", config, "topology", "set", "lab-1", file]).pipe(
      Effect.provideService(Identity, owner),
      Effect.provideService(Console.Console, console),
      Effect.flip
    )
    expect(said).toEqual([expect.stringContaining("the receiver does not run here")])
  }).pipe(Effect.scoped, Effect.provide(layer))
)
