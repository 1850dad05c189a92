import type { DatabaseSync } from "node:sqlite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  AppliedTopologies,
  AppliedTopology,
  MemoryTrouble,
  nothingRemembered
} from "../src/services/AppliedTopology.ts"
import { reading, writing } from "./appliedTopology/database.ts"
import * as Rows from "./appliedTopology/rows.ts"
import { attempting } from "./sqlite.ts"

const attempt = attempting((message) => new MemoryTrouble({ message }))

const make = (directory: string): AppliedTopology["Service"] => {
  const path = `${directory}/topology.db`
  const write = <A>(work: (database: DatabaseSync) => A) => attempt(path, () => writing(path, work))
  const read = attempt(path, () => reading(path, Rows.remembered) ?? nothingRemembered)
  return {
    read,
    expected: attempt(path, () => reading(path, Rows.expected)),
    begin: (beginning) =>
      Effect.map(
        write((database) => Rows.begin(database, beginning)),
        (before) => ({ takeBack: write((database) => Rows.putBack(database, before)) })
      ),
    settle: (outcome) => write((database) => Rows.settle(database, outcome)),
    forget: write(Rows.forget),
    raise: (generation) =>
      Effect.flatMap(read, ({ generation: highest }) =>
        highest >= generation ? Effect.void : write((database) => Rows.raise(database, generation))
      )
  }
}

/** SQLite, opened for each question and closed again: nothing is held, and nothing lies about. */
export const layerSqlite = Layer.succeed(AppliedTopologies, {
  in: (directory) => Layer.succeed(AppliedTopology, make(directory))
})
