import { describe, expect, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import { ChildProcessSpawner, make as makeSpawner } from "effect/process/ChildProcessSpawner"
import * as TestClock from "effect/testing/TestClock"
import { configuredGate } from "../../src/cli/receiver/gate.ts"
import { ReceiverSettings } from "../../src/domain/receiverSettings.ts"
import * as Fatal from "../../src/receiver/Fatal.ts"
import { Gate } from "../../src/receiver/gate.ts"
import { Transport } from "../../src/services/Transport.ts"
import { commit } from "../support/commits.ts"
import { loadText } from "../support/config.ts"

const FORGEJO = 'forgejo_url = "https://git.lab/"\nrepo_owner = "lab"\nrepo_name = "cis490"'

/** Loads `[version_gate]` on a machine with or without the usual checkout; says what is asked of whom. */
const load = (text: string, installed = true) =>
  Effect.gen(function* () {
    const printed: Array<string> = []
    const requests: Array<string> = []
    const commands: Array<ReadonlyArray<string>> = []
    const client = HttpClient.make((request, url) =>
      Effect.sync(() => {
        requests.push(`${url.origin}${url.pathname} ${request.headers.authorization ?? "without a token"}`)
        return HttpClientResponse.fromWeb(
          request,
          Response.json([{ sha: commit(1) }], { headers: { "x-hasmore": "false" } })
        )
      })
    )
    const spawner = makeSpawner((command) => {
      if (command._tag === "StandardCommand") commands.push([command.command, ...command.args.map(String)])
      return Effect.never
    })
    const files = FileSystem.layerNoop({
      exists: (path) => Effect.succeed(installed && path === "/opt/cis490/.git"),
      readFileString: (path) => Effect.succeed(`from-${path}\n`)
    })
    const world = Layer.mergeAll(
      files,
      Path.layer,
      Fatal.layer,
      Layer.succeed(ChildProcessSpawner, spawner),
      Layer.succeed(Transport, { client: () => Effect.succeed(client) })
    )
    const console: Console.Console = Object.assign(Object.create(globalThis.console), {
      error: (words: string) => void printed.push(words)
    })
    const { settings } = yield* loadText(ReceiverSettings, `[version_gate]\n${text}`)
    const enabled = yield* Effect.gen(function* () {
      const layer = yield* configuredGate(settings.version_gate)
      return yield* Effect.gen(function* () {
        yield* TestClock.adjust(0)
        return (yield* Gate).enabled
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.provide(world), Effect.provideService(Console.Console, console), Effect.result)
    return { enabled, printed: printed.join("\n"), requests, commands: commands.map((words) => words.join(" ")) }
  })

describe("the gate as configured", () => {
  it.effect("asks the server, with the token of the file before the one beside it", () =>
    Effect.gen(function* () {
      const address = "https://git.lab/api/v1/repos/lab/cis490/commits"
      expect((yield* load(FORGEJO)).requests).toEqual([`${address} without a token`])
      expect((yield* load(`${FORGEJO}\nauth_token = "a"`)).requests).toEqual([`${address} token a`])
      const both = yield* load(`${FORGEJO}\nauth_token = "a"\nauth_token_file = "/t"`)
      expect(both.requests).toEqual([`${address} token from-/t`])
      expect(both.commands).toEqual([])
    })
  )

  it.effect("asks the checkout that is named, else the one that is there", () =>
    Effect.gen(function* () {
      expect((yield* load('repo_path = "/srv/code"')).commands).toEqual([expect.stringContaining("-C /srv/code ")])
      const { commands, enabled } = yield* load('branch = "release"')
      expect(commands).toEqual([expect.stringContaining("-C /opt/cis490 ")])
      expect(commands[0]).toContain("refs/heads/release")
      expect(enabled).toMatchObject({ _tag: "Success", success: true })
    })
  )

  it.effect("that has nobody to ask is a fault, which names the keys", () =>
    Effect.gen(function* () {
      const { enabled, printed } = yield* load("", false)
      expect(enabled).toMatchObject({ _tag: "Failure", failure: { _tag: "Misconfigured" } })
      for (const key of ["forgejo_url", "repo_owner", "repo_name", "repo_path", "enabled"])
        expect(printed).toContain(key)
    })
  )

  it.effect("may be off, and then asks nobody", () =>
    Effect.gen(function* () {
      const { commands, enabled, requests } = yield* load(`enabled = false\n${FORGEJO}`)
      expect(enabled).toMatchObject({ _tag: "Success", success: false })
      expect([commands, requests]).toEqual([[], []])
    })
  )
})
