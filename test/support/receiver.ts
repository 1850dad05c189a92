import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Clock from "effect/Clock"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import { HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { layerCodec } from "../../layers/Codec.ts"
import { layerHttpServer } from "../../layers/HttpServer.ts"
import { layerSqlite as layerOrders } from "../../layers/Orders.ts"
import { layerUndici } from "../../layers/Transport.ts"
import { layerVolume } from "../../layers/Volume.ts"
import { type Commit, Commit as CommitSchema } from "../../src/domain/names.ts"
import type { Problem } from "../../src/domain/protocol.ts"
import * as Auth from "../../src/receiver/auth.ts"
import type { Dataset } from "../../src/receiver/Dataset.ts"
import * as Fatal from "../../src/receiver/Fatal.ts"
import * as GateService from "../../src/receiver/gate.ts"
import * as Hosts from "../../src/receiver/hosts.ts"
import * as Intake from "../../src/receiver/intake.ts"
import { CRAWL, Limits } from "../../src/receiver/limits.ts"
import type { AgentAddress } from "../../src/receiver/master/Agents.ts"
import { layerMaster } from "../../src/receiver/master/layerMaster.ts"
import * as Routes from "../../src/receiver/routes.ts"
import * as Slots from "../../src/receiver/slots.ts"
import * as Uploads from "../../src/receiver/uploads/Uploads.ts"
import type { Codec } from "../../src/services/Codec.ts"
import type { ListenTls } from "../../src/services/Listener.ts"
import type { Orders } from "../../src/services/Orders.ts"
import { Volume } from "../../src/services/Volume.ts"
import { makeMemoryDataset } from "./memoryDataset.ts"

export const HEAD_COMMIT = CommitSchema.make("f".repeat(40))
export const OLD_COMMIT = CommitSchema.make("a".repeat(40))
export const STRANGE_COMMIT = CommitSchema.make("b".repeat(40))

/** Knows every commit but two: one is out of the window, of the other it cannot tell. */
export const makeGate = () => {
  /** `shutDown`: what is asked is given up, as when the program ends. */
  const control = { asked: 0, shutDown: false, defect: undefined as Error | undefined }
  const outOfWindow = (commit: Commit): Problem => ({
    problem: "out-of-window",
    error: "this commit is not among the allowed ones",
    remediation: "git pull",
    members: { your_commit: commit, head_commit: HEAD_COMMIT }
  })
  const unknown: Problem = { problem: "commit-unknown", error: "the gate cannot tell", retryAfter: 7 }
  const layer = Layer.succeed(GateService.Gate, {
    enabled: true,
    remediation: "git pull",
    admit: (commit) =>
      Effect.suspend(() => {
        control.asked++
        if (commit === OLD_COMMIT) return Effect.fail(outOfWindow(commit))
        return commit === STRANGE_COMMIT ? Effect.fail(unknown) : Effect.void
      }),
    head: Effect.suspend(() => {
      if (control.defect !== undefined) return Effect.die(control.defect)
      return control.shutDown ? Effect.interrupt : Effect.succeed(HEAD_COMMIT)
    }),
    allows: (commit) => Effect.succeed(commit === STRANGE_COMMIT ? undefined : commit !== OLD_COMMIT)
  })
  return { control, layer }
}

const secret = (value: string) => Redacted.make(value)
export const TOKENS = {
  shared: "shared-token",
  host: "token-of-lab-1",
  otherHost: "token-of-lab-2",
  admin: "admin-token"
} as const
const noTokens: Auth.Tokens = { shared: undefined, hosts: {}, admin: undefined }

export const tokens: Auth.Tokens = {
  shared: secret(TOKENS.shared),
  hosts: { "lab-1": [secret("an-older-one"), secret(TOKENS.host)], "lab-2": [secret(TOKENS.otherHost)] },
  admin: secret(TOKENS.admin)
}

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly annotations: Readonly<Record<string, unknown>>
}

export interface Options {
  readonly limits?: Partial<Limits["Service"]>
  readonly tokens?: Auth.Tokens
  /** Tokens that may change, instead. */
  readonly following?: Effect.Effect<Auth.Tokens>
  readonly gate?: Layer.Layer<GateService.Gate>
  /** How clients show who they are, beside tokens. */
  readonly connections?: Auth.Connections
  readonly tls?: ListenTls
  /** On a port of its own where it is not said. */
  readonly listen?: string
  /** Bytes free on the disk, as far as the receiver is told. */
  readonly freeBytes?: () => number
  /** On a real disk, below this directory; in memory when it is not said. */
  readonly dataset?: (
    root: string
  ) => Layer.Layer<Dataset, unknown, Codec | Fatal.Fatal | FileSystem.FileSystem | Volume>
  /** Used again and left alone when it is given. */
  readonly root?: string
  /** The hosts that the master knows. */
  readonly agents?: ReadonlyArray<AgentAddress>
  /** What keeps the master's orders, if it is not SQLite. */
  readonly orders?: Layer.Layer<Orders>
  /** What happens to a file that the receiver opens. */
  readonly file?: (file: FileSystem.File, path: string) => FileSystem.File
  /** How far its wall clock is ahead. Milliseconds. */
  readonly ahead?: () => number
  /** How much more time has passed than has, by either clock. Milliseconds. */
  readonly passed?: () => number
  /** Has to happen before a file or directory is removed. */
  readonly beforeRemove?: (path: string) => Effect.Effect<void>
}

const filesOf = ({ beforeRemove = () => Effect.void, file: change = (file) => file }: Options) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs) => ({
      ...fs,
      open: (path: string, options?: Parameters<typeof fs.open>[1]) =>
        Effect.map(fs.open(path, options), (file) => change(file, path)),
      remove: (path: string, options?: Parameters<typeof fs.remove>[1]) =>
        Effect.andThen(beforeRemove(path), fs.remove(path, options))
    }))
  ).pipe(Layer.provide(NodeFileSystem.layer))

const spaceOf = (freeBytes: (() => number) | undefined) =>
  freeBytes === undefined
    ? layerVolume
    : Layer.effect(
        Volume,
        Effect.map(Volume, (volume) => ({
          ...volume,
          space: () =>
            Effect.sync(() => ({ freeBytes: freeBytes(), totalBytes: 1e12, freeInodes: 1000, totalInodes: 1000 }))
        }))
      ).pipe(Layer.provide(layerVolume))

/** A clock that the test sets. */
const clockOf = ({ ahead = () => 0, passed = () => 0 }: Options) =>
  Layer.effect(
    Clock.Clock,
    Effect.map(Clock.Clock, (clock) => {
      const now = () => clock.currentTimeMillisUnsafe() + ahead() + passed()
      const steady = () => clock.monotonicTimeNanosUnsafe() + BigInt(passed()) * 1_000_000n
      const set: Readonly<Record<PropertyKey, unknown>> = {
        currentTimeMillisUnsafe: now,
        currentTimeMillis: Effect.sync(now),
        monotonicTimeNanosUnsafe: steady,
        monotonicTimeNanos: Effect.sync(steady)
      }
      return new Proxy(clock, { get: (target, key) => set[key] ?? Reflect.get(target, key, target) })
    })
  )

const DEFAULT_LIMITS: Limits["Service"] = {
  maxEpisodeBytes: 64 * 1024 * 1024,
  maxUnpackedBytes: 256 * 1024 * 1024,
  maxMembers: 1000,
  minFreeBytes: 0,
  maxConcurrentUploads: 16,
  bodyIdleMillis: 10_000,
  crawl: CRAWL,
  uploads: { expiryMillis: 604_800_000, maxPerHost: 32, maxBytesPerHost: 1024 * 1024 * 1024 }
}

export const temporaryDirectory = () => mkdtempSync(join(tmpdir(), "cis490-receiver-"))

/** A receiver over real HTTP, on a port of its own, with its directories below a temporary one. */
export const startReceiver = async (options: Options = {}) => {
  const root = options.root ?? temporaryDirectory()
  const incoming = join(root, "incoming")
  const hosts = join(root, "hosts")
  const logs: Array<LogLine> = []
  const dataset = makeMemoryDataset()
  const logger = Logger.make(({ fiber, logLevel, message }) => {
    const words = Array.isArray(message) ? message : [message]
    logs.push({
      level: logLevel,
      message: words.map(String).join(" "),
      annotations: fiber.getRef(References.CurrentLogAnnotations)
    })
  })
  const world = Uploads.layer({ incoming }).pipe(
    Layer.provideMerge(Intake.layer({ incoming })),
    Layer.provideMerge(Slots.layer),
    Layer.provideMerge(
      layerMaster({ orders: join(root, "fleet.db"), reports: join(root, "fleet") }, options.agents ?? []).pipe(
        Layer.provide([options.orders ?? layerOrders, layerUndici])
      )
    ),
    Layer.provideMerge(
      Layer.mergeAll(
        Hosts.layer(hosts),
        Auth.layer(options.following ?? Effect.succeed(options.tokens ?? noTokens), options.connections),
        options.gate ?? GateService.layerOff,
        options.dataset?.(root) ?? dataset.layer,
        Layer.succeed(Limits, { ...DEFAULT_LIMITS, ...options.limits })
      )
    ),
    Layer.provideMerge(
      Layer.mergeAll(Fatal.layer, layerCodec, SecureRandom.layerWebCrypto, filesOf(options), spaceOf(options.freeBytes))
    )
  )
  const server = layerHttpServer({ listen: options.listen ?? "127.0.0.1:0", tls: options.tls })
  const layer = Routes.layer.pipe(
    Layer.provideMerge(server),
    Layer.provideMerge(world),
    Layer.provideMerge(Logger.layer([logger])),
    Layer.provideMerge(clockOf(options))
  )
  const scope = Scope.makeUnsafe()
  mkdirSync(incoming, { mode: 0o700, recursive: true })
  const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
  const run = Effect.runPromiseWith(context)
  const port = await run(
    Effect.map(HttpServer, ({ address }) => {
      return "port" in address ? address.port : 0
    })
  )
  return {
    port,
    incoming,
    hosts,
    logs,
    dataset,
    run,
    leftBehind: () => readdirSync(incoming),
    [Symbol.asyncDispose]: async () => {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      if (options.root === undefined) rmSync(root, { recursive: true, force: true })
    }
  }
}
export type Receiver = Awaited<ReturnType<typeof startReceiver>>
