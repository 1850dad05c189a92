import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type Contender, startServer } from "./contender.ts"
import * as names from "./names.ts"

const PYTHON = "/usr/bin/python3"
const HERE = join(import.meta.dirname, "../python")

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
    return startServer(place, [PYTHON, join(HERE, "server.py"), place], (said) => {
      const port = /running on http:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1]
      return port === undefined ? undefined : Number(port)
    })
  },
  client: ({ dataRoot, port }) => ({ argv: [PYTHON, join(HERE, "client.py"), dataRoot, `http://127.0.0.1:${port}`] }),
  arrived: (place) => readFileSync(join(place, "index.jsonl"), "utf8").split("\n").length - 1
}
