import { spawnSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { countRows } from "../rows.ts"
import { type Contender, startServer } from "./contender.ts"
import * as names from "./names.ts"
import { portIn } from "./port.ts"

const PYTHON = "/usr/bin/python3"
const [CLIENT, SERVER] = [join(import.meta.dirname, "python/client.py"), join(import.meta.dirname, "python/server.py")]

/** The job as it used to be done: httpx, Starlette and Uvicorn, `tar | zstd` as child processes, one episode at a time. */
export const pythonPair: Contender = {
  name: names.PYTHON,
  processes: { client: "several", server: "one" },
  missing: () =>
    spawnSync(PYTHON, ["-c", "import httpx, starlette, uvicorn"]).status === 0
      ? undefined
      : "needs python3-httpx, python3-starlette and python3-uvicorn",
  serve: (place) => {
    mkdirSync(place, { recursive: true })
    return startServer(place, [PYTHON, SERVER, place], portIn(/running on http:\/\/127\.0\.0\.1:(\d+)/))
  },
  client: ({ dataRoot, port }) => ({ argv: [PYTHON, CLIENT, dataRoot, `http://127.0.0.1:${port}`] }),
  arrived: (place) => countRows(join(place, "index.jsonl"))
}
