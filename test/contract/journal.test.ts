/** The journal and the service manager through their tools, which are not there in every place where this runs: stand-ins speak for them. */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { afterEach, vi } from "vitest"
import * as JournalLayer from "../../layers/Journal.ts"
import * as ServiceManagerLayer from "../../layers/ServiceManager.ts"
import { Journal } from "../../src/services/Journal.ts"
import { ServiceManager } from "../../src/services/ServiceManager.ts"
import { type FakeTools, makeFakeTools } from "../support/fakeTools.ts"
import { scratchDirectory } from "../support/scratch.ts"
import { until } from "../support/wire.ts"

const world = Layer.merge(JournalLayer.layerSystemd, ServiceManagerLayer.layerSystemd).pipe(
  Layer.provide(NodeServices.layer)
)

afterEach(() => vi.unstubAllEnvs())

const withTools = <A, E>(use: (tools: FakeTools) => Effect.Effect<A, E, Journal | ServiceManager>) =>
  Effect.gen(function* () {
    const tools = makeFakeTools(yield* scratchDirectory)
    vi.stubEnv("PATH", tools.path)
    return yield* use(tools)
  }).pipe(Effect.scoped, Effect.provide(world))

const since = Effect.flatMap(Journal, (journal) => journal.since("cis490-shipper", "-10min"))
const unit = Effect.flatMap(ServiceManager, (manager) => manager.unit("cis490-shipper"))

const HINT = `Hint: You are currently not seeing messages from other users and the system.
      Users in groups 'adm', 'systemd-journal' can see all messages.
      Pass -q to turn off this notice.
`

describe("the journal", () => {
  it.effect("gives the messages of the unit since then, in order", () =>
    withTools(
      Effect.fnUntraced(function* (tools: FakeTools) {
        tools.says("journalctl", "started\n<3>quarantined: no episode=E1 status=412\n\n-- Boot 0123 --\nlast\n")
        expect(yield* since).toEqual(["started", "quarantined: no episode=E1 status=412", "last"])
        expect(tools.asked()).toMatch(/--unit=cis490-shipper\.service --since=-10min --output=cat/)
      })
    )
  )

  for (const [what, stdout, stderr, code] of [
    ["says that nothing was found", "-- No entries --\n", "", 0],
    ["has no files yet", "", "No journal files were found.\n", 0],
    ["has no files yet, and calls that a failure", "", "No journal files were found.\n", 1]
  ] as const) {
    it.effect(`is empty when it ${what}`, () =>
      withTools(
        Effect.fnUntraced(function* (tools: FakeTools) {
          tools.says("journalctl", stdout, { stderr, code })
          expect(yield* since).toEqual([])
        })
      )
    )
  }

  for (const [what, why, stderr, code] of [
    ["only one's own messages are shown", "denied", HINT, 0],
    ["no file may be opened", "denied", "No journal files were opened due to insufficient permissions.\n", 1],
    ["the time is none", "failed", "Failed to parse timestamp: yesteryear\n", 1]
  ] as const) {
    it.effect(`is ${why} when ${what}`, () =>
      withTools(
        Effect.fnUntraced(function* (tools: FakeTools) {
          tools.says("journalctl", "", { stderr, code })
          expect((yield* Effect.flip(since)).why).toBe(why)
        })
      )
    )
  }

  it.effect("is absent without its tool", () =>
    Effect.gen(function* () {
      const empty = join(yield* scratchDirectory, "empty")
      mkdirSync(empty)
      vi.stubEnv("PATH", empty)
      expect((yield* Effect.flip(since)).why).toBe("absent")
    }).pipe(Effect.scoped, Effect.provide(world))
  )

  it.effect("gives its last lines as text", () =>
    withTools(
      Effect.fnUntraced(function* (tools: FakeTools) {
        tools.says("journalctl", "2026-11-21T06:00:00 lab-1 cis490-shipper[1]: started\n")
        expect(yield* Effect.flatMap(Journal, (journal) => journal.last("cis490-shipper", 7))).toContain("lab-1")
        expect(tools.asked()).toMatch(/--lines=7/)
      })
    )
  )

  it.live("that hangs and minds no signal is killed when nobody waits any more", () =>
    withTools(
      Effect.fnUntraced(function* (tools: FakeTools) {
        tools.hangs("journalctl")
        const fiber = yield* Effect.forkChild(since)
        yield* Effect.promise(() => until(() => tools.hanging("journalctl") !== undefined))
        yield* Fiber.interrupt(fiber)
        expect(() => process.kill(tools.hanging("journalctl") ?? 0, 0)).toThrow("ESRCH")
      })
    )
  )
})

describe("the service manager", () => {
  it.effect("says how a unit is", () =>
    withTools(
      Effect.fnUntraced(function* (tools: FakeTools) {
        tools.unit({
          ActiveState: "failed",
          Result: "watchdog",
          User: "cis490",
          NRestarts: "7",
          Group: "ssl-cert",
          SupplementaryGroups: "docker kvm"
        })
        expect(yield* unit).toEqual({
          load: "loaded",
          active: "failed",
          sub: "running",
          file: "enabled",
          result: "watchdog",
          user: "cis490",
          groups: ["ssl-cert", "docker", "kvm"],
          restarts: 7
        })
        expect(tools.asked()).toMatch(
          /^systemctl --no-pager show --property=.*User,NRestarts,Group,SupplementaryGroups -- cis490-shipper\.service$/m
        )
      })
    )
  )

  it.effect("says of a unit that is not installed just that", () =>
    withTools(
      Effect.fnUntraced(function* (tools: FakeTools) {
        tools.says(
          "systemctl",
          "LoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\nNRestarts=0\n"
        )
        expect(yield* unit).toMatchObject({ load: "not-found", file: "", result: "" })
      })
    )
  )

  for (const [what, stderr, message] of [
    [
      "systemd does not run the machine",
      "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n",
      "systemd does not run this machine"
    ],
    [
      "it does not answer",
      "Failed to connect to bus: Permission denied\n",
      "Failed to connect to bus: Permission denied"
    ]
  ] as const) {
    it.effect(`is not there when ${what}`, () =>
      withTools(
        Effect.fnUntraced(function* (tools: FakeTools) {
          tools.says("systemctl", "", { stderr, code: 1 })
          expect((yield* Effect.flip(unit)).message).toBe(message)
        })
      )
    )
  }
})
