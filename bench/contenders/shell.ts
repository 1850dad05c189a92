import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Contender, startServer } from "./contender.ts"
import { TAR_ALONE } from "./names.ts"
import { freePort, listening } from "./port.ts"

const SCRIPT = join(import.meta.dirname, "ship.sh")

const nginxConfig = (place: string, port: number): string => `daemon off;
master_process off;
pid ${place}/nginx.pid;
error_log stderr notice;
events {}
http {
  access_log off;
  client_body_temp_path ${place}/body;
  server {
    listen 127.0.0.1:${port};
    root ${place}/store;
    client_max_body_size 0;
    location / { dav_methods PUT; create_full_put_path on; }
  }
}
`

/** A shell loop: `tar | zstd -3`, `sha256sum`, `curl -T` to nginx's DAV. Nothing of it is synced. */
export const shell = (parallel: number): Contender => ({
  name: `tar | zstd, curl to nginx, ${parallel} at a time`,
  processes: { client: "several", server: "one" },
  missing: () =>
    spawnSync("sh", ["-c", "for each in curl nginx zstd; do command -v $each || exit; done"]).status === 0
      ? undefined
      : "needs curl, nginx and zstd",
  serve: async (place) => {
    for (const name of ["store", "body"]) mkdirSync(join(place, name), { recursive: true })
    const port = await freePort()
    const config = join(place, "nginx.conf")
    writeFileSync(config, nginxConfig(place, port))
    return startServer(place, ["nginx", "-c", config, "-p", place], () => listening(port))
  },
  client: ({ dataRoot, port }) => ({
    argv: ["sh", SCRIPT, dataRoot, `http://127.0.0.1:${port}`, String(parallel)]
  }),
  arrived: (place) => readdirSync(join(place, "store/lab-1")).length
})

/** The limit: everything in one archive, nothing sent. */
export const tarZstd: Contender = {
  name: TAR_ALONE,
  processes: { client: "several", server: "one" },
  missing: () => (spawnSync("zstd", ["--version"]).status === 0 ? undefined : "needs zstd"),
  serve: async (place) => {
    mkdirSync(place, { recursive: true })
    return undefined
  },
  client: ({ dataRoot, place }) => ({
    argv: ["sh", "-c", 'tar -C "$1" -c episodes | zstd -q -3 -o "$2/all.tar.zst"', "sh", dataRoot, place]
  }),
  arrived: () => Number.NaN
}
