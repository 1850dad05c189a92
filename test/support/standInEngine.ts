/** Something on a unix socket that answers as Docker would to what the agent asks, and counts who comes. */
import * as fs from "node:fs"
import * as http from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"

interface Network {
  readonly Id: string
  readonly Name: string
  readonly Labels: Readonly<Record<string, string>>
  readonly IPAM: { readonly Config: ReadonlyArray<{ readonly Subnet: string }> }
}
interface Endpoint {
  readonly NetworkID: string
  readonly IPAMConfig: unknown
}
interface Container {
  readonly Id: string
  readonly Names: ReadonlyArray<string>
  readonly Image: string
  readonly State: string
  readonly Labels: Readonly<Record<string, string>>
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, Endpoint>> }
}

export interface Asked {
  readonly method: string
  /** Without the version and the query. */
  readonly path: string
  /** `1.41`; empty where none was said. */
  readonly version: string
}

interface Reply {
  readonly status: number
  readonly body?: unknown
}

const notFound = (what: string): Reply => ({ status: 404, body: { message: `No such ${what}` } })

export const startStandInEngine = async () => {
  const home = fs.mkdtempSync(join(tmpdir(), "cis490-standin-"))
  const socket = join(home, "docker.sock")
  const networks = new Map<string, Network>()
  const containers = new Map<string, Container>()
  const asked: Array<Asked> = []
  const counted = { connections: 0 }
  /** Awaited before a request is answered; what it gives is the answer instead. */
  const control = { before: async (_asked: Asked): Promise<Reply | undefined> => undefined }
  let ids = 0
  const newId = (): string => `${++ids}`.padStart(64, "0")

  const attach = (container: Container, networkId: string, config: { readonly IPAMConfig: unknown }): void => {
    const name = networks.get(networkId)?.Name ?? ""
    const Networks = {
      ...container.NetworkSettings.Networks,
      [name]: { NetworkID: networkId, IPAMConfig: config.IPAMConfig }
    }
    containers.set(container.Id, { ...container, NetworkSettings: { Networks } })
  }

  // What the agent sends is looked at closely where a real engine answers.
  const create = (name: string, order: Record<string, never>): Reply => {
    const Id = newId()
    const container: Container = {
      Id,
      Names: [`/${name}`],
      Image: order["Image"] ?? "",
      State: "created",
      Labels: order["Labels"] ?? {},
      NetworkSettings: {
        Networks: order["HostConfig"]?.["NetworkMode"] === "none" ? { none: { NetworkID: "0f", IPAMConfig: null } } : {}
      }
    }
    containers.set(Id, container)
    const endpoints: Record<string, never> = order["NetworkingConfig"]?.["EndpointsConfig"] ?? {}
    for (const [networkId, config] of Object.entries(endpoints)) attach(container, networkId, config)
    return { status: 201, body: { Id } }
  }

  const answer = ({ method, path }: Asked, query: URLSearchParams, body: Record<string, never>): Reply => {
    const [, kind, id = "", action] = path.split("/")
    const container = containers.get(id)
    if (method === "GET" && path === "/version") return { status: 200, body: { Version: "0.0-standin" } }
    if (method === "GET" && path === "/networks") return { status: 200, body: [...networks.values()] }
    if (method === "GET" && path === "/containers/json") return { status: 200, body: [...containers.values()] }
    if (method === "GET" && kind === "images")
      return path.includes("missing") ? notFound("image") : { status: 200, body: {} }
    if (method === "POST" && path === "/networks/create") {
      const Id = newId()
      networks.set(Id, {
        Id,
        Name: body["Name"] ?? "",
        Labels: body["Labels"] ?? {},
        IPAM: body["IPAM"] ?? { Config: [] }
      })
      return { status: 201, body: { Id } }
    }
    if (method === "POST" && path === "/containers/create") return create(query.get("name") ?? "", body)
    if (method === "POST" && kind === "networks" && action === "connect") {
      const target = containers.get(body["Container"] ?? "")
      if (target === undefined) return notFound("container")
      attach(target, id, body["EndpointConfig"] ?? { IPAMConfig: null })
      return { status: 200 }
    }
    if (method === "POST" && action === "start" && container !== undefined) {
      containers.set(id, { ...container, State: "running" })
      return { status: 204 }
    }
    if (method === "DELETE" && kind === "networks") return networks.delete(id) ? { status: 204 } : notFound("network")
    if (method === "DELETE" && kind === "containers")
      return containers.delete(id) ? { status: 204 } : notFound("container")
    return notFound(`page ${method} ${path}`)
  }

  const server = http.createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.once("end", async () => {
      const url = new URL(request.url ?? "/", "http://docker")
      const what: Asked = {
        method: request.method ?? "",
        path: url.pathname.replace(/^\/v[0-9.]+/, ""),
        version: /^\/v([0-9.]+)/.exec(url.pathname)?.[1] ?? ""
      }
      asked.push(what)
      const text = Buffer.concat(chunks).toString()
      const given = await control.before(what)
      const { body, status } = given ?? answer(what, url.searchParams, text === "" ? {} : JSON.parse(text))
      response.writeHead(status, { "content-type": "application/json" })
      response.end(body === undefined ? undefined : JSON.stringify(body))
    })
  })
  server.on("connection", () => void counted.connections++)
  await new Promise<void>((resolve) => server.listen(socket, () => resolve()))
  fs.chmodSync(socket, 0o660)

  return {
    socket,
    networks,
    containers,
    asked,
    counted,
    control,
    /** As if it had crashed: whatever is asked just now has no answer. */
    cut: (): void => server.closeAllConnections(),
    /** What changed something. */
    changes: (): ReadonlyArray<string> =>
      asked.filter(({ method }) => method !== "GET").map(({ method, path }) => `${method} ${path}`),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      fs.rmSync(home, { recursive: true, force: true })
    }
  }
}
export type StandInEngine = Awaited<ReturnType<typeof startStandInEngine>>
