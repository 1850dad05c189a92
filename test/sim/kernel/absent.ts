/** What a simulated machine does not have: a journal and a service manager to ask. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Ending } from "../../../src/services/Ending.ts"
import { Journal, JournalClosed } from "../../../src/services/Journal.ts"
import { NoServiceManager, ServiceManager } from "../../../src/services/ServiceManager.ts"

const noJournal = Effect.fail(new JournalClosed({ why: "absent", message: "there is no journal on this machine" }))

export const layerAbsent: Layer.Layer<Ending | Journal | ServiceManager> = Layer.mergeAll(
  Layer.succeed(Ending, { waitsForNothing: Effect.void }),
  Layer.succeed(Journal, { since: () => noJournal, last: () => noJournal }),
  Layer.succeed(ServiceManager, {
    unit: () => Effect.fail(new NoServiceManager({ message: "there is no service manager on this machine" }))
  })
)
