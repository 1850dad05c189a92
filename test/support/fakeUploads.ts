/** A receiver in memory that speaks resumable uploads as far as a shipper needs them, and cuts them where it is told. */
import * as http from "node:http"
import type { AddressInfo } from "node:net"
import { header } from "../../src/domain/protocol.ts"
import { reprDigestOf, sha256Of } from "./wire.ts"

const PROBLEMS = "https://iana.org/assignments/http-problem-types#"

export interface Said {
  readonly status: number
  readonly headers?: http.OutgoingHttpHeaders
  /** A string goes as it is, anything else as JSON. */
  readonly body?: unknown
}

/** What comes of a request: `good`, `stall` (the body is read, and nothing is ever said), an answer of its own (the body is read all the same), or a cut after so many bytes of its body. */
export type Script = "good" | "stall" | Said | { readonly cutAfter: number; readonly keep?: boolean }

export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
  /** Of the upload that it is about; 0 where there is none. */
  readonly offset: number
  /** Requests with this method so far, this one included. */
  readonly nth: number
}

export interface Heard extends Asked {
  /** Of its body. */
  readonly bytes: number
}

interface Upload {
  readonly path: string
  readonly episode: string
  readonly headers: http.IncomingHttpHeaders
  readonly length: number
  pieces: Array<Buffer>
  offset: number
}

export const problem = (status: number, error: string, members: object = {}): Said => ({
  status,
  headers: { "content-type": "application/problem+json", [header.problem]: "x" },
  body: { type: "urn:cis490:problem:x", title: "x", status, error, ...members }
})

export const html = (status: number): Said => ({
  status,
  headers: { "content-type": "text/html" },
  body: "<html><h1>Proxy</h1></html>"
})

const GONE: Said = {
  status: 404,
  headers: { [header.problem]: "no-upload", "content-type": "application/problem+json" },
  body: { type: "urn:cis490:problem:no-upload", error: "there is no such upload" }
}

const field = (value: string | Array<string> | undefined): string => String(value ?? "")

export interface Options {
  readonly limit?: string
  /** As the `Location` of a new upload. */
  readonly location?: (path: string) => string
}

export const startFakeUploads = async (play: (asked: Asked) => Script = () => "good", options: Options = {}) => {
  const heard: Array<Heard> = []
  const uploads = new Map<string, Upload>()
  const stored = new Map<string, { readonly bytes: Buffer; readonly content: string }>()
  const limit = options.limit ?? "min-size=0"

  const store = (episode: string, bytes: Buffer, headers: http.IncomingHttpHeaders): Said => {
    if (field(headers[header.reprDigest]) !== reprDigestOf(bytes)) return problem(422, "digest mismatch: body")
    const before = stored.get(episode)
    const content = field(headers[header.contentSha256])
    if (before === undefined) stored.set(episode, { bytes, content })
    return receipt(episode, before === undefined ? 201 : 200)
  }
  const receipt = (episode: string, status: number): Said => {
    const { bytes, content } = stored.get(episode) ?? { bytes: Buffer.alloc(0), content: "" }
    const [host_id, episode_id] = episode.split("/").slice(-2)
    return {
      status,
      body: {
        status: status === 201 ? "stored" : "already_present",
        host_id,
        episode_id,
        sha256: sha256Of(bytes),
        bytes: bytes.length,
        content_sha256: content
      }
    }
  }

  const create = (path: string, headers: http.IncomingHttpHeaders): Said => {
    if (stored.has(path)) return receipt(path, 200)
    const upload = `/v1/uploads/u${uploads.size + 1}`
    uploads.set(upload, {
      path: upload,
      episode: path,
      headers,
      length: Number(headers["upload-length"]),
      pieces: [],
      offset: 0
    })
    return {
      status: 201,
      headers: {
        location: options.location?.(upload) ?? upload,
        "upload-limit": limit,
        "upload-complete": "?0"
      }
    }
  }

  const finish = (upload: Upload): Said => {
    const answer = store(upload.episode, Buffer.concat(upload.pieces), upload.headers)
    uploads.delete(upload.path)
    return { ...answer, headers: { ...answer.headers, "upload-complete": "?1" } }
  }

  const startsWrong = (upload: Upload, headers: http.IncomingHttpHeaders): Said | undefined => {
    const provided = Number(headers["upload-offset"])
    if (provided === upload.offset) return undefined
    return {
      status: 409,
      headers: {
        "content-type": "application/problem+json",
        "upload-offset": String(upload.offset),
        "upload-complete": "?0"
      },
      body: {
        type: `${PROBLEMS}mismatching-upload-offset`,
        "expected-offset": upload.offset,
        "provided-offset": provided
      }
    }
  }

  const answerTo = (method: string, path: string, headers: http.IncomingHttpHeaders, body: Buffer): Said => {
    if (method === "PUT") return store(path, body, headers)
    if (method === "POST") return create(path, headers)
    const upload = uploads.get(path)
    if (upload === undefined) return GONE
    if (method === "HEAD") {
      return {
        status: 204,
        headers: {
          "upload-offset": String(upload.offset),
          "upload-length": String(upload.length),
          "upload-complete": "?0",
          "upload-limit": limit
        }
      }
    }
    if (headers["upload-complete"] === "?1") return finish(upload)
    return { status: 204, headers: { "upload-offset": String(upload.offset), "upload-complete": "?0" } }
  }

  const say = (response: http.ServerResponse, method: string, said: Said): void => {
    const text = typeof said.body === "string" ? said.body : said.body === undefined ? "" : JSON.stringify(said.body)
    response.writeHead(said.status, { "content-type": "application/json", ...said.headers })
    response.end(method === "HEAD" || said.status === 204 ? undefined : text)
  }

  const counts = new Map<string, number>()
  const server = http.createServer(async (request, response) => {
    const { headers } = request
    const path = request.url ?? ""
    const method = request.method ?? ""
    const nth = (counts.get(method) ?? 0) + 1
    counts.set(method, nth)
    const upload = method === "PATCH" ? uploads.get(path) : undefined
    const asked: Asked = { method, path, headers, nth, offset: uploads.get(path)?.offset ?? 0 }
    const script = play(asked)
    const wrong = upload === undefined ? undefined : startsWrong(upload, headers)
    const cut = typeof script === "object" && "cutAfter" in script ? script : undefined
    const keeps = typeof script === "string" || (cut !== undefined && cut.keep !== false)
    const cutAfter = cut?.cutAfter ?? Number.POSITIVE_INFINITY
    const body: Array<Buffer> = []
    let bytes = 0
    const note = () => void heard.push({ ...asked, bytes })
    if (cutAfter === 0) return void (note(), request.socket.destroy())
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        const piece = chunk.subarray(0, cutAfter - bytes)
        bytes += piece.length
        if (keeps && upload !== undefined && wrong === undefined) {
          upload.pieces.push(piece)
          upload.offset += piece.length
        } else body.push(piece)
        if (bytes >= cutAfter) return void (note(), request.socket.destroy())
      }
    } catch {
      return note()
    }
    note()
    // Everything came, and the answer is lost.
    if (cutAfter !== Number.POSITIVE_INFINITY) {
      answerTo(method, path, headers, Buffer.concat(body))
      return void request.socket.destroy()
    }
    if (script === "stall") return
    if (typeof script === "object" && "status" in script) return say(response, method, script)
    say(response, method, wrong ?? answerTo(method, path, headers, Buffer.concat(body)))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return {
    url: `http://127.0.0.1:${port}`,
    heard,
    stored,
    uploads,
    /** `POST`, `PATCH`, `HEAD`, … in order. */
    methods: () => heard.map(({ method }) => method),
    /** Bytes of bodies that came, those that came twice twice. */
    travelled: () => heard.reduce((sum, { bytes }) => sum + bytes, 0),
    [Symbol.asyncDispose]: close
  }
}
export type FakeUploads = Awaited<ReturnType<typeof startFakeUploads>>
