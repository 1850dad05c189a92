import * as fs from "node:fs/promises"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerVolume } from "../../layers/Volume.ts"
import { teardown } from "../../src/cli/exit.ts"
import { drainCommand } from "../../src/cli/shipper/drain.ts"
import { quarantineCommand } from "../../src/cli/shipper/quarantine.ts"
import { requeueCommand } from "../../src/cli/shipper/requeue.ts"
import { reshipCommand } from "../../src/cli/shipper/reship.ts"
import { resolveCommand } from "../../src/cli/shipper/resolve.ts"
import { retryCommand } from "../../src/cli/shipper/retry.ts"
import { root } from "../../src/cli/shipper/root.ts"
import { statusCommand } from "../../src/cli/shipper/status.ts"
import { Environment } from "../../src/services/Environment.ts"
import { Identity } from "../../src/services/Identity.ts"
import { Layout, type Paths } from "../../src/shipper/layout.ts"
import { episode, layerDataRoot, put } from "../support/dataRoot.ts"

const program = Command.runWith(
  root.pipe(
    Command.withSubcommands([
      statusCommand,
      drainCommand,
      requeueCommand,
      quarantineCommand,
      retryCommand,
      resolveCommand,
      reshipCommand
    ])
  ),
  { version: "0" }
)

const configFile = (paths: Paths) => `${paths.root}/lab-host.toml`
const config = (paths: Paths) =>
  `host_id = "lab1"\n[paths]\ndata_root = "${paths.root}"\n[receiver]\nurl = "https://collector.example"\n`

/** Runs the program as from a shell. */
const shell = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const out: Array<string> = []
  const err: Array<string> = []
  const console: Console.Console = Object.assign(Object.create(globalThis.console), {
    log: (line: string) => out.push(line),
    error: (line: string) => err.push(line)
  })
  const paths = yield* Layout
  const exit = yield* program(["--config", configFile(paths), ...args]).pipe(
    Effect.provideService(Console.Console, console),
    Effect.exit
  )
  let status = -1
  teardown(exit, (code) => {
    status = code
  })
  return { status, out: out.join("\n"), err: err.join("\n") }
})

const layer = Layer.mergeAll(
  layerDataRoot,
  NodeServices.layer,
  layerVolume,
  DateTime.layerCurrentZoneOffset(0),
  Layer.succeed(Environment, { variables: {} }),
  Layer.succeed(Identity, { actAsOwnerOf: () => Effect.void })
)

const onHost = (name: string, test: (paths: Paths) => Effect.Effect<void, unknown, Layer.Success<typeof layer>>) =>
  it.live(name, () =>
    Effect.gen(function* () {
      const paths = yield* Layout
      yield* put(paths.root, { "lab-host.toml": config(paths) })
      yield* test(paths)
    }).pipe(Effect.provide(layer))
  )

describe("the operator's commands", () => {
  onHost("exit with 0 when all is well, and print JSON that can be read", () =>
    Effect.gen(function* () {
      for (const command of ["status", "drain", "quarantine list", "requeue --all", "retry --all", "reship --all"]) {
        const { status, out, err } = yield* shell(...command.split(" "), "--json")
        expect({ command, status, err }).toEqual({ command, status: 0, err: "" })
        expect(() => JSON.parse(out), command).not.toThrow()
        expect((yield* shell(...command.split(" "))).status, command).toBe(0)
      }
    })
  )

  onHost("exit with 1 and name what could not be done", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.quarantined("E1"), episode())
      const requeued = yield* shell("requeue", "E1", "nobody")
      expect(requeued.status).toBe(1)
      expect(requeued.out).toContain("quarantine/E1 -> episodes/E1")
      expect(requeued.err).toContain("nobody")
      for (const command of ["requeue x", "retry x", "reship x", "quarantine ack x", "quarantine purge x"]) {
        expect((yield* shell(...command.split(" "))).status, command).toBe(1)
      }
      const resolved = yield* shell("resolve", "E1", "--keep-stored")
      expect(resolved.status).toBe(1)
      expect(resolved.err).toContain("E1: no conflict holds E1")
      const said = yield* shell("resolve", "E1", "--keep-stored", "--json")
      expect([said.status, said.err]).toEqual([1, ""])
      expect(JSON.parse(said.out)).toMatchObject({ done: [], failed: [{ name: "E1" }] })
    })
  )

  onHost("exit with 2 on usage that says too little, too much or nonsense, and touch nothing", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.quarantined("E1"), episode())
      yield* put(paths.shippedEpisode("E2"), episode())
      for (const command of [
        "requeue",
        "requeue E1 --all",
        "requeue E1 --reason too_large",
        "requeue --all --reason whim",
        "quarantine",
        "quarantine ack",
        "quarantine purge",
        "retry",
        "retry E1 --all",
        "resolve",
        "resolve E1",
        "resolve E1 --keep-stored --as E3",
        "resolve E1 --as ../E3",
        "reship",
        "reship E2 --all",
        "reship --since yesterday",
        "reship --since 2025-02-30",
        "status --frob",
        "frobnicate"
      ]) {
        const { status, err } = yield* shell(...command.split(" "))
        expect({ command, status }).toEqual({ command, status: 2 })
        if (command !== "quarantine") expect(err, command).not.toBe("")
      }
      expect(yield* Effect.promise(() => fs.readdir(paths.episodes))).toEqual([])
    })
  )

  onHost("exit with 2 on a configuration that cannot be used", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.root, { "lab-host.toml": 'host_id = "lab 1"\n' })
      const { status, err } = yield* shell("status")
      expect(status).toBe(2)
      expect(err).toContain("lab-host.toml")
      yield* Effect.promise(() => fs.rm(configFile(paths)))
      expect((yield* shell("status")).status).toBe(2)
    })
  )

  onHost("exit with 1 and words when the disk does not answer", (paths) =>
    Effect.gen(function* () {
      yield* Effect.promise(() => fs.rmdir(paths.quarantine))
      const { status, err } = yield* shell("quarantine", "list")
      expect({ status, err }).toEqual({ status: 1, err: `${paths.quarantine}: is not there` })
    })
  )

  onHost("show in text what lies where, why, and what to do", (paths) =>
    Effect.gen(function* () {
      yield* put(paths.episode("E1"), episode("{}"))
      yield* put(paths.episode("E2"), episode())
      yield* put(paths.outbox, { "E2.conflict.json": "{}" })
      expect((yield* shell("drain", "--dry-run")).out).toContain("would move 1")
      expect((yield* shell("drain")).out).toContain("to quarantine/E1")
      const { out } = yield* shell("status")
      expect(out).toMatch(/^quarantine: unstamped +1 /m)
      expect(out).toMatch(/^held +E2$/m)
      expect(out).toMatch(/^to mend +cis490-shipper resolve ID --keep-stored, or --as NEW_ID$/m)
      expect((yield* shell("quarantine", "ack", "E1")).status).toBe(0)
      const list = (yield* shell("quarantine", "list")).out
      expect(list).toMatch(/^E1 +unstamped .*in 30 d, acknowledged$/m)
      expect(list).toContain("no valid code_version.commit")
    })
  )
})
