import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as CliError from "effect/cli/CliError"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import { loadConfig, loadReceiver, loadShipper } from "../../src/cli/config.ts"
import { ShipperSettings } from "../../src/domain/shipperSettings.ts"
import { Environment } from "../../src/services/Environment.ts"
import { readToken } from "../../src/token.ts"
import type { Variables } from "../support/config.ts"
import { scratchDirectory } from "../support/scratch.ts"

const MINIMAL = 'host_id = "h"\n[receiver]\nurl = "https://r"\n'

/** A file of these bytes in a directory of its own. */
const fileOf = (content: string | Uint8Array) =>
  Effect.flatMap(scratchDirectory, (directory) =>
    Effect.promise(async () => {
      const file = join(directory, "config.toml")
      await writeFile(file, content)
      return file
    })
  )

const onNode =
  (variables: Variables) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(Effect.provideService(Environment, { variables }), Effect.provide(NodeServices.layer))

const load = (content: string, variables: Variables = {}) =>
  Effect.flatMap(fileOf(content), (file) => loadConfig(ShipperSettings, file).pipe(onNode(variables)))
const settingsOf = (content: string, variables: Variables = {}) =>
  Effect.map(load(content, variables), ({ settings }) => settings)
const refusal = (file: string) => Effect.flip(loadShipper(file).pipe(onNode({})))

describe("a file that is none", () => {
  const refused = (content: string | Uint8Array, ...words: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const file = yield* fileOf(content)
      const { message } = yield* refusal(file)
      expect(message.split("\n")[0]).toBe(`configuration ${file} cannot be used:`)
      for (const word of words) expect(message).toContain(word)
    })

  it.live("is missing: says which, and how to name another", () =>
    Effect.gen(function* () {
      const directory = yield* scratchDirectory
      const error = yield* refusal(join(directory, "none.toml"))
      expect(error.message).toBe(
        `configuration ${directory}/none.toml cannot be used:\n  found no such file, wants a TOML file; --config FILE names another one`
      )
      expect(error[Runtime.errorExitCode]).toBe(2)
      expect(CliError.getUserMessage(error)).toBe(error.message)
    })
  )

  it.live("is a directory", () =>
    Effect.gen(function* () {
      const directory = yield* scratchDirectory
      yield* Effect.promise(() => mkdir(join(directory, "d")))
      expect((yield* refusal(join(directory, "d"))).problems[0]?.found).toBe("a directory")
    })
  )

  it.live("cannot be reached", () =>
    Effect.gen(function* () {
      const file = yield* fileOf("")
      const { message } = yield* refusal(join(file, "x.toml"))
      expect(message).toContain(`found something that cannot be read (ENOTDIR: not a directory, stat '${file}/x.toml')`)
      expect(message).toContain("--config FILE names another one")
    })
  )

  it.live("is far too large", () => refused(`#${"x".repeat(1_048_576)}`, "found 1048577 bytes, wants at most 1048576"))

  it.live("is not UTF-8: says the line", () =>
    refused(Uint8Array.from([0x61, 0x20, 0xc3, 0xbc, 0x0a, 0x0a, 0xff, 0x0a]), "not UTF-8 in line 3, wants UTF-8")
  )

  it.live("is cut off in a character", () => refused(Uint8Array.from([0x23, 0xc3]), "not UTF-8 in line 1"))

  it.live("is no TOML: says line and column", () =>
    Effect.gen(function* () {
      yield* refused(`${MINIMAL}[shipper\n`, "a mistake in the TOML: Expected ']' at line 4, column 9")
      yield* refused("a = 1\na = 2", "Cannot redefine existing key 'a' at line 2")
      yield* refused(
        `${MINIMAL}bearer_token = hunter2\n`,
        "Invalid value at line 4, column 23",
        "strings stand in quotes"
      )
      yield* refused(`x = ${"[".repeat(100_000)}`, "nested too deeply")
    })
  )
})

describe("a file", () => {
  it.live("may begin with a byte order mark and end its lines like Windows", () =>
    Effect.gen(function* () {
      expect((yield* settingsOf(`\uFEFF${MINIMAL.replaceAll("\n", "\r\n")}`)).host_id).toBe("h")
    })
  )

  it.live("may hold other programs' tables: one warning", () =>
    Effect.gen(function* () {
      const file = yield* fileOf(`${MINIMAL}[agent]\ndir = "/d"\n[[vm]]\nn = 1\n[shiper]\nconcurrency = 1`)
      const warnings: Array<unknown> = []
      const logger = Logger.make(({ logLevel, message }) => void warnings.push([logLevel, message]))
      const settings = yield* loadShipper(file).pipe(onNode({}), Effect.provide(Logger.layer([logger])))
      expect(settings.shipper.concurrency).toBe(4)
      expect(warnings).toEqual([
        ["Warn", [`${file}: tables of other programs, not read: [agent], [vm], [shiper] (did you mean [shipper]?)`]]
      ])
    })
  )

  it.live("that misses what stands in a misspelt table is told so", () =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(load('host_id = "h"\n[reciever]\nurl = "https://r"'))
      expect(message).toContain("receiver.url: found nothing")
      expect(message).toContain("[reciever] (did you mean [receiver]?)")
    })
  )

  it.live("of the receiver may be empty", () =>
    Effect.gen(function* () {
      const file = yield* fileOf("")
      expect((yield* loadReceiver(file).pipe(onNode({}))).listen).toBe("127.0.0.1:8490")
    })
  )
})

describe("the environment", () => {
  it.live("sets keys of every type, and wins over the file", () =>
    Effect.gen(function* () {
      const { host_id, receiver, shipper } = yield* settingsOf(
        `${MINIMAL}verify_tls = true\n[shipper]\nconcurrency = 2`,
        {
          CIS490_HOST_ID: "from-env",
          CIS490_RECEIVER__URL: "http://[::1]:1/",
          CIS490_RECEIVER__VERIFY_TLS: "false",
          CIS490_RECEIVER__BEARER_TOKEN: "true",
          CIS490_SHIPPER__CONCURRENCY: " 0x10 ",
          CIS490_SHIPPER__SCAN_INTERVAL_S: "0.25",
          CIS490_SHIPPER__BACKOFF_SECONDS: "[1, 2.5]"
        }
      )
      expect(host_id).toBe("from-env")
      expect(receiver).toMatchObject({ url: "http://[::1]:1", verify_tls: false })
      expect(receiver.bearer_token && Redacted.value(receiver.bearer_token)).toBe("true")
      expect(shipper).toMatchObject({ concurrency: 16, scan_interval_s: 0.25, backoff_seconds: [1, 2.5] })
    })
  )

  it.live("gives what the file has not got", () =>
    Effect.gen(function* () {
      const variables = { CIS490_HOST_ID: "h", CIS490_RECEIVER__URL: "https://r" }
      expect(yield* settingsOf("", variables)).toEqual(yield* settingsOf(MINIMAL))
    })
  )

  it.live("may hold variables that are not ours", () =>
    Effect.gen(function* () {
      const variables = {
        CIS490_RECEIVER: "x",
        CIS490_RECEIVER__URLL: "x",
        CIS490_: "",
        cis490_host_id: "-",
        HOST_ID: "-"
      }
      expect(yield* settingsOf(MINIMAL, variables)).toEqual(yield* settingsOf(MINIMAL))
    })
  )

  it.live("is named where it is wrong", () =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(
        load(MINIMAL, {
          CIS490_HOST_ID: "-",
          CIS490_RECEIVER__VERIFY_TLS: "True",
          CIS490_RECEIVER__BEARER_TOKEN: "hunter2 ",
          CIS490_SHIPPER__CONCURRENCY: "4\nvalue2 = 5",
          CIS490_SHIPPER__COMPRESSION_LEVEL: "",
          CIS490_SHIPPER__BACKOFF_SECONDS: "1,2"
        })
      )
      expect(message.split("\n").slice(1)).toEqual([
        expect.stringContaining('host_id: found "-" in CIS490_HOST_ID, wants 1 to 64'),
        expect.stringContaining(
          "receiver.bearer_token: found a string in CIS490_RECEIVER__BEARER_TOKEN, wants a token"
        ),
        expect.stringContaining(
          'receiver.verify_tls: found "True" in CIS490_RECEIVER__VERIFY_TLS, wants true or false'
        ),
        expect.stringContaining('shipper.concurrency: found "4\\nvalue2 = 5" in CIS490_SHIPPER__CONCURRENCY, wants'),
        expect.stringContaining('shipper.compression_level: found "" in CIS490_SHIPPER__COMPRESSION_LEVEL, wants'),
        expect.stringContaining('shipper.backoff_seconds: found "1,2" in CIS490_SHIPPER__BACKOFF_SECONDS, wants')
      ])
      expect(message).not.toContain("hunter2")
    })
  )

  it.live("does not hide that the file has no table there", () =>
    Effect.gen(function* () {
      const { problems } = yield* Effect.flip(
        load('host_id = "h"\nreceiver = "https://r"', { CIS490_RECEIVER__URL: "https://r" })
      )
      expect(problems).toEqual([{ key: "receiver", found: "a string", wants: "a table" }])
    })
  )

  it.live("says what ~ stands for, in files, variables and fleets", () =>
    Effect.gen(function* () {
      const variables = { HOME: "/home/lab/", CIS490_RECEIVER__CA_BUNDLE: "~/ca.pem" }
      const { code, paths, receiver } = yield* settingsOf(
        `${MINIMAL}[paths]\ndata_root = "~/data"\n[code]\nrepo_path = "~"`,
        variables
      )
      expect([paths.data_root, code.repo_path, receiver.ca_bundle]).toEqual([
        "/home/lab/data",
        "/home/lab",
        "/home/lab/ca.pem"
      ])

      const file = yield* fileOf(
        'listen = "unix:~/r.sock"\n[fleet.a]\nagent_url = "http://a"\nagent_token_file = "~/t"\n[fleet.b]\nagent_url = "http://b/~"\nca_bundle = "/~/x"'
      )
      const { fleet, listen } = yield* loadReceiver(file).pipe(onNode(variables))
      expect(listen).toBe("unix:/home/lab/r.sock")
      expect(Object.values(fleet)).toEqual([
        { agent_url: "http://a", agent_token_file: "/home/lab/t" },
        { agent_url: "http://b/~", ca_bundle: "/~/x" }
      ])
    })
  )

  it.live("without a HOME leaves ~ without a meaning", () =>
    Effect.gen(function* () {
      for (const variables of [{}, { HOME: "" }, { HOME: "lab" }]) {
        const { message } = yield* Effect.flip(load(`${MINIMAL}[code]\nrepo_path = "~/x"`, variables))
        expect(message).toContain('code.repo_path: found "~/x", wants an absolute path (~/ stands for HOME)')
      }
      const other = yield* Effect.flip(load(`${MINIMAL}[code]\nrepo_path = "~root/x"`, { HOME: "/home/lab" }))
      expect(other.message).toContain('code.repo_path: found "~root/x"')
    })
  )
})

describe("a token file", () => {
  const token = (file: string) => readToken(file).pipe(onNode({}))

  it.live("ends in newlines or not, and is read when it is asked for", () =>
    Effect.gen(function* () {
      const file = yield* fileOf("abc\r\n\n")
      expect(Redacted.value(yield* token(file))).toBe("abc")
      yield* Effect.promise(() => writeFile(file, "def"))
      const renewed = yield* token(file)
      expect(Redacted.value(renewed)).toBe("def")
      expect(String(renewed)).not.toContain("def")
    })
  )

  it.live("that is missing, empty, a directory or no token is named", () =>
    Effect.gen(function* () {
      const directory = yield* scratchDirectory
      const message = (file: string) => Effect.map(Effect.flip(token(file)), (error) => error.message)
      expect(yield* message(`${directory}/none`)).toBe(`token file ${directory}/none is missing`)
      expect(yield* message(directory)).toMatch(new RegExp(`^token file ${directory} (is not a file|cannot be read)$`))
      const empty = yield* fileOf("\n")
      expect(yield* message(empty)).toBe(`token file ${empty} is empty`)
      const two = yield* fileOf("hunter2\nhunter3")
      expect(yield* message(two)).toBe(`token file ${two} holds more than printable ASCII characters`)
    })
  )
})
