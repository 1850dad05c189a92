/** Stands between an agent and its engine: sees every call, and may stop one. */
import * as fs from "node:fs"
import * as http from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface Passing {
  readonly method: string
  readonly path: string
  /** Counts from 1. */
  readonly n: number
}

export interface Watch {
  /** Awaited before the engine hears of it. With `false` it never does. */
  readonly before: (call: Passing) => Promise<boolean>
  /** Awaited when the engine has answered, before the agent hears of it. */
  readonly after: (call: Passing) => Promise<void>
}

const unwatched: Watch = { before: async () => true, after: async () => undefined }

export const startEngineProxy = async (engine: string) => {
  const home = fs.mkdtempSync(join(tmpdir(), "cis490-proxy-"))
  const socket = join(home, "docker.sock")
  const seen: Array<Passing> = []
  const control: { watch: Watch; connections: number } = { watch: unwatched, connections: 0 }

  const forward = (request: http.IncomingMessage, body: Buffer): Promise<readonly [http.IncomingMessage, Buffer]> =>
    new Promise((resolve, reject) => {
      const { headers, method, url } = request
      const onward = http.request({ socketPath: engine, method, path: url, headers, agent: false })
      onward.once("error", reject)
      onward.once("response", (response) => {
        const chunks: Array<Buffer> = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.once("error", reject)
        response.once("end", () => resolve([response, Buffer.concat(chunks)]))
      })
      onward.end(body)
    })

  const server = http.createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.once("end", async () => {
      const call = { method: request.method ?? "", path: request.url ?? "", n: seen.length + 1 }
      seen.push(call)
      try {
        if (!(await control.watch.before(call))) return void response.destroy()
        const [{ statusCode = 0 }, body] = await forward(request, Buffer.concat(chunks))
        await control.watch.after(call)
        response.writeHead(statusCode, { "content-type": "application/json" }).end(body)
      } catch {
        response.destroy()
      }
    })
  })
  server.on("connection", () => void control.connections++)
  server.on("clientError", (_, connection) => connection.destroy())
  await new Promise<void>((resolve) => server.listen(socket, () => resolve()))

  return {
    socket,
    control,
    seen,
    changes: (): ReadonlyArray<Passing> => seen.filter(({ method }) => method !== "GET"),
    /** Begins to count anew, and lets everything pass. */
    reset: (watch: Partial<Watch> = {}): void => {
      seen.length = 0
      control.connections = 0
      control.watch = { ...unwatched, ...watch }
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      fs.rmSync(home, { recursive: true, force: true })
    }
  }
}
export type EngineProxy = Awaited<ReturnType<typeof startEngineProxy>>
