/** A real Gitea: built once by Go from its published module, kept in a cache, started on a port of its own. */
import { execFile, spawn } from "node:child_process"
import * as fs from "node:fs"
import { type AddressInfo, createServer } from "node:net"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { runGit } from "./gitRepository.ts"

const MODULE = "code.gitea.io/gitea"
const VERSION = "v1.26.0"
const run = promisify(execFile)

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "cis490-test", `gitea-${VERSION}`)

const go = (cwd: string, ...args: ReadonlyArray<string>) =>
  run("go", args, { cwd, env: { ...process.env, CGO_ENABLED: "1" }, maxBuffer: 64 * 1024 * 1024 })

/** Takes minutes the first time. Its templates are needed beside it: the module has no built frontend to embed. */
export const buildGitea = async () => {
  const program = join(cache, "gitea")
  const source = join(cache, "source")
  if (fs.existsSync(program)) return { program, source }
  fs.mkdirSync(cache, { recursive: true })
  const { stdout } = await go(cache, "mod", "download", "-json", `${MODULE}@${VERSION}`)
  // What replaces its dependencies counts in a main module only, and the module cache is not to be built in.
  fs.cpSync(JSON.parse(stdout).Dir, source, { recursive: true, force: true })
  await run("chmod", ["-R", "u+w", source])
  const unfinished = join(cache, `gitea.${process.pid}`)
  await go(source, "build", "-tags", "sqlite,sqlite_unlock_notify", "-o", unfinished, ".")
  fs.renameSync(unfinished, program)
  return { program, source }
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

const settings = (home: string, source: string, port: number): string => `
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
RUN_MODE = prod
WORK_PATH = ${home}
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = ${port}
DISABLE_SSH = true
OFFLINE_MODE = true
STATIC_ROOT_PATH = ${source}
[database]
DB_TYPE = sqlite3
PATH = ${join(home, "gitea.db")}
[security]
INSTALL_LOCK = true
SECRET_KEY = of-no-use
[log]
LEVEL = Error
[actions]
ENABLED = false
`

const USER = "lab"

/** Polls until `ready` gives something. */
const eventually = async <A>(ready: () => Promise<A | undefined>): Promise<A> => {
  for (;;) {
    const found = await ready().catch(() => undefined)
    if (found !== undefined) return found
    await new Promise((resolve) => setImmediate(resolve))
  }
}

export const startGitea = async () => {
  const { program, source } = await buildGitea()
  const home = fs.mkdtempSync(join(tmpdir(), "cis490-gitea-"))
  const port = await freePort()
  const config = join(home, "app.ini")
  fs.writeFileSync(config, settings(home, source, port))
  const env = { PATH: process.env.PATH, HOME: home, USER: process.env.USER ?? "root", GITEA_WORK_DIR: home }
  const gitea = (...args: ReadonlyArray<string>) => run(program, ["-c", config, ...args], { env })
  await gitea("migrate")
  const account = ["--username", USER, "--password", "recorder-12345", "--email", "lab@lab.example"]
  const { stdout } = await gitea(
    "admin",
    "user",
    "create",
    ...account,
    "--must-change-password=false",
    "--access-token"
  )
  const token = /[0-9a-f]{40}/.exec(stdout)?.[0]
  if (token === undefined) throw new Error(`gitea made no token: ${stdout}`)

  const child = spawn(program, ["-c", config, "web"], { env, stdio: "ignore" })
  const ended = new Promise((resolve) => child.once("exit", resolve))
  const url = `http://127.0.0.1:${port}`
  const api = async (path: string, init: RequestInit = {}) => {
    const headers = { authorization: `token ${token}`, "content-type": "application/json" }
    const answer = await fetch(`${url}/api/v1${path}`, { ...init, headers })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as Record<string, unknown>
  }
  await eventually(() => api("/version"))
  let made = 0

  /** A private repository, empty. */
  const makeRepository = async () => {
    const name = `repository-${++made}`
    await api("/user/repos", { method: "POST", body: JSON.stringify({ name, private: true, default_branch: "main" }) })
    return name
  }

  /** Makes the one there what the one at `path` is. */
  const publish = async (path: string, name: string) => {
    if (runGit(path, ["for-each-ref"]) === "") return
    const remote = `http://${USER}:${token}@127.0.0.1:${port}/${USER}/${name}.git`
    await run("git", ["-C", path, "push", "--quiet", "--mirror", remote], {
      env: { PATH: process.env.PATH, HOME: home }
    })
    await eventually(async () => ((await api(`/repos/${USER}/${name}`)).empty === false ? true : undefined))
  }

  const stop = async () => {
    child.kill("SIGTERM")
    await ended
    fs.rmSync(home, { recursive: true, force: true })
  }
  return { url, owner: USER, token, makeRepository, publish, stop }
}
export type Gitea = Awaited<ReturnType<typeof startGitea>>
