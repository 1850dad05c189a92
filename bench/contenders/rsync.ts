import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Contender, startServer } from "./contender.ts"
import { freePort, listening } from "./port.ts"

/** An rsync daemon; the client sends the directories as they are, the daemon syncs every file. */
export const rsync = (name: string, options: ReadonlyArray<string>): Contender => ({
  name,
  processes: { client: "one", server: "several" },
  missing: () => (spawnSync("rsync", ["--version"]).status === 0 ? undefined : "needs rsync"),
  serve: async (place) => {
    mkdirSync(join(place, "store"), { recursive: true })
    const port = await freePort()
    const config = join(place, "rsyncd.conf")
    writeFileSync(
      config,
      `use chroot = no\nuid = root\ngid = root\nlog file = /dev/null\n[data]\npath = ${join(place, "store")}\nread only = no\n`
    )
    const argv = ["rsync", "--daemon", "--no-detach", "--address=127.0.0.1", `--port=${port}`, `--config=${config}`]
    return startServer(place, argv, () => listening(port))
  },
  client: ({ dataRoot, port }) => ({
    argv: ["rsync", "-a", "--fsync", ...options, `${dataRoot}/episodes/`, `rsync://127.0.0.1:${port}/data/`]
  }),
  arrived: (place) => readdirSync(join(place, "store")).length
})
