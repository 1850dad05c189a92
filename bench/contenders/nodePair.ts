import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type Contender, startServer } from "./contender.ts"
import { nodePairNamed } from "./names.ts"

const PAIR = join(import.meta.dirname, "../pair")

/** Framework-free Node, written as fast as we can: what the machine gives to JavaScript. */
export const nodePair = (concurrency: number): Contender => ({
  name: nodePairNamed(concurrency),
  processes: { client: "one", server: "one" },
  missing: () => undefined,
  serve: (place) => {
    mkdirSync(place, { recursive: true })
    return startServer(place, [process.execPath, join(PAIR, "server.ts"), place], (said) => {
      const port = /^\d+\n/.exec(said)?.[0]
      return port === undefined ? undefined : Number(port)
    })
  },
  client: ({ dataRoot, port }) => ({
    argv: [process.execPath, join(PAIR, "client.ts"), dataRoot, `http://127.0.0.1:${port}`, String(concurrency)]
  }),
  arrived: (place) => readFileSync(join(place, "index.jsonl"), "utf8").split("\n").length - 1
})
