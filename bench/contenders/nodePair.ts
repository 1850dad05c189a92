import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { countRows } from "../rows.ts"
import { type Contender, startServer } from "./contender.ts"
import { nodePairNamed } from "./names.ts"
import { portIn } from "./port.ts"

const [CLIENT, SERVER] = [join(import.meta.dirname, "node/client.ts"), join(import.meta.dirname, "node/server.ts")]

/** Framework-free Node, written as fast as we can: what the machine gives to JavaScript. */
export const nodePair = (concurrency: number): Contender => ({
  name: nodePairNamed(concurrency),
  processes: { client: "one", server: "one" },
  missing: () => undefined,
  serve: (place) => {
    mkdirSync(place, { recursive: true })
    return startServer(place, [process.execPath, SERVER, place], portIn(/^(\d+)\n/))
  },
  client: ({ dataRoot, port }) => ({
    argv: [process.execPath, CLIENT, dataRoot, `http://127.0.0.1:${port}`, String(concurrency)]
  }),
  arrived: (place) => countRows(join(place, "index.jsonl"))
})
