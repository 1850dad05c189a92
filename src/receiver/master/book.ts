/** What the master knows of its hosts, in one place: every change is made here, at once in memory and then on disk. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type { PlatformError } from "effect/PlatformError"
import * as Queue from "effect/Queue"
import * as Semaphore from "effect/Semaphore"
import { digestText } from "../../digestText.ts"
import type { HostId } from "../../domain/names.ts"
import type { Problem } from "../../domain/protocol.ts"
import type { Codec } from "../../services/Codec.ts"
import { Orders } from "../../services/Orders.ts"
import { Agents } from "./Agents.ts"
import { type Standing, standingOf } from "./order.ts"
import { keepReport, readReports } from "./reports.ts"
import { type Watched, watch } from "./watched.ts"

export interface MasterFiles {
  /** Of what the hosts should run. */
  readonly orders: string
  /** Directory of what their agents reported last. */
  readonly reports: string
}

export class Book extends Context.Service<
  Book,
  {
    readonly files: MasterFiles
    readonly all: Effect.Effect<ReadonlyArray<Watched>>
    /** Only hosts that the operator named are known. */
    readonly find: (hostId: HostId) => Effect.Effect<Watched, Problem>
    readonly change: (hostId: HostId, to: (host: Watched) => Watched) => Effect.Effect<void>
  }
>()("cis490/receiver/master/Book") {}

const unknownHost = (hostId: HostId): Problem => ({
  problem: "unknown-host",
  error: `${hostId} is no host of this master`,
  remediation: `write [fleet.${hostId}] with its agent_url into receiver.toml, and restart the receiver`
})

/** A host whose order cannot be read is left alone, and that is said. */
const readStandings = Effect.fnUntraced(function* (path: string) {
  const orders = yield* Orders
  const digest = yield* digestText
  const found = yield* Effect.catch(orders.all(path), ({ message }) =>
    Effect.as(
      Effect.logError(`what the hosts should run cannot be read, and none of them is told anything: ${message}`),
      []
    )
  )
  const standings = found.map((order) => standingOf(order, digest))
  for (const { order, wanted } of standings) {
    if (wanted !== undefined) continue
    yield* Effect.logError(`what ${order.hostId} should run is not understood, and it is told nothing: set it anew`)
  }
  return new Map<HostId, Standing>(standings.map((standing) => [standing.order.hostId, standing]))
})

const readHosts = Effect.fnUntraced(function* ({ orders, reports }: MasterFiles) {
  const agents = yield* Agents
  const standings = yield* readStandings(orders)
  const remembered = new Map((yield* readReports(reports)).map((report) => [report.host_id, report]))
  const hosts = yield* Effect.forEach([...agents.hosts].toSorted(), (hostId) =>
    Effect.map(watch(hostId, remembered.get(hostId)), (host) => ({ ...host, standing: standings.get(hostId) }))
  )
  return new Map<HostId, Watched>(hosts.map((host) => [host.hostId, host]))
})

/** Makes the directory of reports when there are hosts to report. */
export const layer = (
  files: MasterFiles
): Layer.Layer<Book, PlatformError, Agents | Codec | FileSystem.FileSystem | Orders> =>
  Layer.effect(
    Book,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const hosts = yield* readHosts(files)
      const one = yield* Semaphore.make(1)
      if (hosts.size > 0) yield* fs.makeDirectory(files.reports, { recursive: true, mode: 0o700 })

      const find = (hostId: HostId): Effect.Effect<Watched, Problem> =>
        Effect.suspend(() => {
          const host = hosts.get(hostId)
          return host === undefined ? Effect.fail(unknownHost(hostId)) : Effect.succeed(host)
        })

      /** What it has come to by then: of several changes that wait, the first writes the last. */
      const save = Effect.fnUntraced(
        function* (hostId: HostId) {
          const report = hosts.get(hostId)?.report
          if (report !== undefined) yield* keepReport(files.reports, report)
        },
        (effect) => effect.pipe(Effect.provideService(FileSystem.FileSystem, fs), one.withPermit)
      )

      const change = Effect.fnUntraced(function* (hostId: HostId, to: (host: Watched) => Watched) {
        const before = hosts.get(hostId)
        if (before === undefined) return
        const after = to(before)
        hosts.set(hostId, after)
        yield* Queue.offer(after.wake, undefined)
        if (after.report !== before.report) yield* save(hostId)
      })
      return { files, all: Effect.sync(() => [...hosts.values()]), find, change }
    })
  )
