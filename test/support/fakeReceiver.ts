import * as http from "node:http"
import type { AddressInfo } from "node:net"
import { header } from "../../src/domain/protocol.ts"
import { reprDigestOf, sha256Of, until } from "./wire.ts"

export interface Heard {
  readonly method: string
  readonly path: string
  /** The last component of the path. */
  readonly id: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

export interface Said {
  readonly status: number
  readonly headers?: http.OutgoingHttpHeaders
  /** A string goes as it is, anything else as JSON. */
  readonly body?: unknown
}

/** `cut`: the connection goes once the request is whole. `stall`: no answer ever, and nothing is read. */
export type Script = Said | "cut" | "stall" | "good"
/** `seen` counts the requests with this method and path so far, this one included. */
export type Play = (heard: Heard, seen: number) => Script | Promise<Script>

export const says = (status: number, body?: unknown, headers: http.OutgoingHttpHeaders = {}): Said => ({
  status,
  headers,
  body
})

/** A refusal as the receiver words it. */
export const refuses = (status: number, error: string, members: object = {}, headers: http.OutgoingHttpHeaders = {}) =>
  says(
    status,
    { type: "urn:cis490:problem:x", title: "x", status, error, ...members },
    { "content-type": "application/problem+json", ...headers }
  )

/** What something on the way says. */
export const proxySays = (status: number, headers: http.OutgoingHttpHeaders = {}) =>
  says(status, "<html><h1>Proxy</h1></html>", { "content-type": "text/html", ...headers })

const first = (value: string | Array<string> | undefined): string => String(value ?? "")

const read = async (request: http.IncomingMessage): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** A receiver in memory that plays a script. A good one believes `X-Cis490-Content-Sha256`, unpacks nothing and knows no resumable uploads. */
export const startFakeReceiver = async (play: Play = () => "good", takes: (id: string) => boolean = () => true) => {
  const heard: Array<Heard> = []
  /** Heads of the requests whose bodies are not read. */
  const waiting: Array<string> = []
  const stored = new Map<string, { readonly sha256: string; readonly bytes: number; readonly content: string }>()

  const answerPut = ({ body, headers, id, path }: Heard): Said => {
    if (first(headers[header.reprDigest]) !== reprDigestOf(body)) return refuses(422, "digest mismatch: body")
    const content = first(headers[header.contentSha256])
    const before = stored.get(path)
    if (before !== undefined && before.content !== content) {
      return refuses(409, "other content is stored under this id", {
        stored_sha256: before.content,
        your_sha256: content
      })
    }
    const row = before ?? { sha256: sha256Of(body), bytes: body.length, content }
    stored.set(path, row)
    return says(before === undefined ? 201 : 200, {
      status: before === undefined ? "stored" : "already_present",
      host_id: path.split("/").at(-2),
      episode_id: id,
      sha256: row.sha256,
      bytes: row.bytes,
      content_sha256: row.content
    })
  }

  const answerHead = ({ path }: Heard): Said => {
    const row = stored.get(path)
    if (row === undefined) return says(404, undefined, { [header.problem]: "not-stored" })
    return says(200, undefined, {
      [header.reprDigest]: `sha-256=:${Buffer.from(row.sha256, "hex").toString("base64")}:`,
      [header.contentSha256]: row.content
    })
  }

  const answerPing = ({ body }: Heard): Said =>
    says(200, {
      ok: true,
      host_id: JSON.parse(body.toString()).host_id,
      schema_version: 1,
      server_time: new Date().toISOString(),
      max_episode_bytes: 2 ** 31,
      head_commit: null
    })

  const good = (one: Heard): Said => {
    if (one.path === "/v1/ping") return answerPing(one)
    if (one.method === "POST") return refuses(405, "this path does not take that method")
    return one.method === "HEAD" ? answerHead(one) : answerPut(one)
  }

  const server = http.createServer(async (request, response) => {
    const path = request.url ?? ""
    const method = request.method ?? ""
    const id = path.split("/").at(-1) ?? ""
    if (!takes(id)) return void waiting.push(id)
    const body = await read(request).catch(() => undefined)
    if (body === undefined) return
    const one: Heard = { method, path, id, headers: request.headers, body }
    heard.push(one)
    const seen = heard.filter((other) => other.method === method && other.path === path).length
    const script = await play(one, seen)
    if (script === "cut") return void request.socket.destroy()
    if (script === "stall") return void waiting.push(id)
    const said = script === "good" ? good(one) : script
    const text = typeof said.body === "string" ? said.body : said.body === undefined ? "" : JSON.stringify(said.body)
    response.writeHead(said.status, { "content-type": "application/json", ...said.headers })
    response.end(method === "HEAD" || said.status === 204 || said.status === 304 ? undefined : text)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo

  const close = async (): Promise<void> => {
    if (!server.listening) return
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    heard,
    waiting,
    stored,
    /** Ids that were sent, in order. */
    sent: () => heard.filter(({ method }) => method === "PUT").map(({ id }) => id),
    /** The only request with this method, or the last. */
    last: (method: string): Heard => {
      const found = heard.findLast((one) => one.method === method)
      if (found === undefined) throw new Error(`no ${method} came`)
      return found
    },
    until: (ready: () => boolean) => until(ready),
    close,
    [Symbol.asyncDispose]: close
  }
}
export type FakeReceiver = Awaited<ReturnType<typeof startFakeReceiver>>
