/** Caddy and nginx from Debian with the examples in etc/, changed only in where they listen and where their files lie. */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as net from "node:net"
import { join } from "node:path"
import type { Issued } from "./authority.ts"

export interface Front {
  readonly directory: string
  /** The receiver's. */
  readonly socket: string
  readonly server: Issued
  readonly clientAuthority: string
}

const example = (name: string): string => fs.readFileSync(join(import.meta.dirname, "../../etc", name), "utf8")

/** Every one of them has to be there: else the example is not what is tested. */
const replaced = (text: string, changes: ReadonlyArray<readonly [from: string, to: string]>): string =>
  changes.reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`the example does not contain ${from}`)
    return changed.replaceAll(from, to)
  }, text)

const paths = ({ clientAuthority, server, socket }: Front): ReadonlyArray<readonly [string, string]> => [
  ["/run/cis490-receiver/http.sock", socket],
  ["/etc/cis490/receiver.pem", server.cert],
  ["/etc/cis490/receiver.key", server.key],
  ["/etc/cis490/hosts-ca.pem", clientAuthority]
]

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    })
  })

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect({ host: "127.0.0.1", port })
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })

const start = async (port: number, directory: string, command: string, args: ReadonlyArray<string>) => {
  const child = spawn(command, args, {
    cwd: directory,
    env: { PATH: process.env.PATH, HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory },
    stdio: ["ignore", "ignore", "pipe"]
  })
  let said = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text
  })
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()))
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`${command} ended: ${said}`)
  }
  return {
    port,
    said: () => said,
    stop: async (): Promise<void> => {
      child.kill("SIGTERM")
      await closed
    }
  }
}
export type Proxy = Awaited<ReturnType<typeof start>>

export const startCaddy = async (front: Front): Promise<Proxy> => {
  const port = await freePort()
  const file = join(front.directory, "Caddyfile")
  // Port 80, to which it would send who comes without TLS, is not ours here.
  const here = [
    ["https://collector.wg", `https://localhost:${port}`],
    ["admin off", "admin off\n\tauto_https disable_redirects"]
  ] as const
  fs.writeFileSync(file, replaced(example("Caddyfile.example"), [...paths(front), ...here]))
  return start(port, front.directory, "caddy", ["run", "--config", file, "--adapter", "caddyfile"])
}

export const startNginx = async (front: Front): Promise<Proxy> => {
  const port = await freePort()
  const { directory } = front
  const here = [
    ["listen 443", `listen 127.0.0.1:${port}`],
    ["collector.wg", "localhost"]
  ] as const
  fs.writeFileSync(join(directory, "site.conf"), replaced(example("nginx.example.conf"), [...paths(front), ...here]))
  // What Debian's nginx.conf has around it, for a directory of its own.
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${directory}/${name};`
  )
  fs.writeFileSync(
    join(directory, "nginx.conf"),
    [
      ...(process.getuid?.() === 0 ? ["user root;"] : []),
      "daemon off;",
      "worker_processes 1;",
      `pid ${directory}/nginx.pid;`,
      "error_log stderr;",
      "events {}",
      "http {",
      "access_log off;",
      ...places,
      `include ${directory}/site.conf;`,
      "}"
    ].join("\n")
  )
  return start(port, directory, "/usr/sbin/nginx", ["-p", directory, "-c", join(directory, "nginx.conf")])
}
