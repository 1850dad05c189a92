/** A Forgejo server as its published API describes it, over a real repository: the newest commits, a page at a time. */
import * as http from "node:http"
import type { AddressInfo } from "node:net"
import { runGit } from "./gitRepository.ts"

export interface Asked {
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: http.IncomingHttpHeaders
}

export interface Said {
  readonly status: number
  readonly headers?: http.OutgoingHttpHeaders
  readonly body?: string
}

/** `good` answers as the API does, `stall` never; a function speaks for itself. */
export type Script = "good" | "stall" | Said | ((response: http.ServerResponse, good: Said) => void)

export interface Options {
  readonly owner?: string
  readonly name?: string
  /** Needed to see the repository. */
  readonly token?: string
  /** The most commits in a page, whatever is asked for. */
  readonly cap?: number
  readonly play?: (asked: Asked, seen: number) => Script | Promise<Script>
  readonly port?: number
}

const DEFAULT_PAGE = 30

const json = (status: number, body: unknown, headers: http.OutgoingHttpHeaders = {}): Said => ({
  status,
  headers,
  body: JSON.stringify(body)
})

const error = (status: number, message: string) => json(status, { message, url: "https://forgejo.example/api/swagger" })

const positive = (text: string | null, otherwise: number): number => {
  const value = Number(text)
  return Number.isInteger(value) && value > 0 ? value : otherwise
}

const attempt = (path: string, ...args: ReadonlyArray<string>): string | undefined => {
  try {
    return runGit(path, args)
  } catch {
    return undefined
  }
}

export const startFakeForgejo = async (repository: string, options: Options = {}) => {
  const { cap = 50, name = "cis490", owner = "lab", play = () => "good" as const, token } = options
  const asked: Array<Asked> = []

  const good = ({ headers, path, query }: Asked): Said => {
    if (path !== `/api/v1/repos/${owner}/${name}/commits`) return error(404, "The target couldn't be found.")
    const said = headers.authorization
    if (said !== undefined && said !== `token ${token}` && said !== `Bearer ${token}`)
      return error(401, "invalid token")
    if (token !== undefined && said === undefined) return error(404, "The target couldn't be found.")
    if (attempt(repository, "rev-list", "-n", "1", "--all") === "") return error(409, "Git Repository is empty.")
    const tip = attempt(repository, "rev-parse", "--verify", "--quiet", `${query.get("sha") ?? "HEAD"}^{commit}`)
    if (tip === undefined) return error(404, "object does not exist")
    const page = positive(query.get("page"), 1)
    const size = Math.min(positive(query.get("limit"), DEFAULT_PAGE), cap)
    const total = Number(runGit(repository, ["rev-list", "--count", tip]))
    const listed = runGit(repository, [
      "log",
      "--format=%H",
      "-n",
      String(size),
      `--skip=${(page - 1) * size}`,
      tip,
      "--"
    ])
    const shas = listed === "" ? [] : listed.split("\n")
    const pages = Math.ceil(total / size)
    const at = (number: number) => `<http://${headers.host}${path}?page=${number}&limit=${size}>`
    const links = page < pages ? [`${at(page + 1)}; rel="next"`, `${at(pages)}; rel="last"`] : [`${at(1)}; rel="first"`]
    const body = shas.map((sha) => ({
      sha,
      created: "2023-11-14T22:13:20Z",
      html_url: `http://${headers.host}/${owner}/${name}/commit/${sha}`,
      commit: { message: "x", author: { name: "Recorder", email: "recorder@lab.example" } },
      author: null,
      committer: null,
      parents: [],
      files: query.get("files") === "false" ? null : [{ filename: "a", status: "modified" }],
      stats: query.get("stat") === "false" ? null : { total: 1, additions: 1, deletions: 0 }
    }))
    return json(200, body, {
      "x-total": total,
      "x-total-count": total,
      "x-page": page,
      "x-perpage": size,
      "x-pagecount": pages,
      "x-hasmore": String(page < pages),
      link: links.join(",")
    })
  }

  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://forgejo.example")
    const one: Asked = { path: url.pathname, query: url.searchParams, headers: request.headers }
    asked.push(one)
    const script = await play(one, asked.length)
    if (script === "stall") return
    if (typeof script === "function") return script(response, good(one))
    const said = script === "good" ? good(one) : script
    response.writeHead(said.status, { "content-type": "application/json;charset=utf-8", ...said.headers })
    response.end(said.body ?? "")
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo

  const close = async (): Promise<void> => {
    if (!server.listening) return
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { port, url: `http://127.0.0.1:${port}`, owner, name, asked, close, [Symbol.asyncDispose]: close }
}
export type FakeForgejo = Awaited<ReturnType<typeof startFakeForgejo>>
