import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type { PlatformError } from "effect/PlatformError"
import type { Codec } from "../../services/Codec.ts"
import type { Orders } from "../../services/Orders.ts"
import type { Transport } from "../../services/Transport.ts"
import { type Fatal, orEndProgram } from "../Fatal.ts"
import * as Agents from "./Agents.ts"
import * as Book from "./book.ts"
import * as Commanding from "./command.ts"
import { reconcile } from "./reconcile.ts"
import * as Refusals from "./refusals.ts"

/** A loop for each host; a mistake in one ends the program. */
const layerLoops: Layer.Layer<never, never, Agents.Agents | Book.Book | Fatal> = Layer.effectDiscard(
  Effect.gen(function* () {
    const { hosts } = yield* Agents.Agents
    yield* Effect.forEach(hosts, (hostId) => Effect.forkScoped(orEndProgram(reconcile(hostId))), { discard: true })
  })
)

export type Master = Agents.Agents | Book.Book | Commanding.Commanding | Refusals.Refusals

/** Everything the master's routes stand on, and what it does by itself. */
export const layerOver = <E, R>(
  files: Book.MasterFiles,
  agents: Layer.Layer<Agents.Agents, E, R>
): Layer.Layer<Master, E | PlatformError, R | Codec | Fatal | FileSystem.FileSystem | Orders> =>
  Layer.mergeAll(Commanding.layer, layerLoops, Refusals.layer).pipe(
    Layer.provideMerge(Book.layer(files)),
    Layer.provideMerge(agents)
  )

export const layerMaster = (
  files: Book.MasterFiles,
  addresses: ReadonlyArray<Agents.AgentAddress>
): Layer.Layer<Master, PlatformError, Codec | Fatal | FileSystem.FileSystem | Orders | Transport> =>
  layerOver(files, Agents.layer(addresses))
