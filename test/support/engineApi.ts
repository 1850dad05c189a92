/** Docker's Engine API by hand, for looking behind the agent's back. */
import * as http from "node:http"

export interface EngineAnswer {
  readonly status: number
  readonly body: Buffer
}

export const askEngine = (
  socketPath: string,
  method: string,
  path: string,
  body?: { readonly type: string; readonly bytes: Uint8Array | string }
): Promise<EngineAnswer> =>
  new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": body.type, "content-length": body.bytes.length }
    const request = http.request({ socketPath, method, path, headers, agent: false })
    request.once("error", reject)
    request.once("response", (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.once("error", reject)
      response.once("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }))
    })
    request.end(body?.bytes)
  })

/** The output of a container is framed: a type, three zeros, a length (docs.docker.com/engine/api, "ContainerAttach"). */
const unframed = (bytes: Buffer): string => {
  const parts: Array<string> = []
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4)
    parts.push(bytes.toString("utf8", at + 8, at + 8 + length))
    at += 8 + length
  }
  return parts.join("")
}

export const makeEngineApi = (socketPath: string) => {
  const ask = async (method: string, path: string, body?: unknown): Promise<EngineAnswer> =>
    askEngine(
      socketPath,
      method,
      path,
      body === undefined ? undefined : { type: "application/json", bytes: Buffer.from(JSON.stringify(body)) }
    )
  const json = async (method: string, path: string, body?: unknown): Promise<never> => {
    const answer = await ask(method, path, body)
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`)
    return JSON.parse(answer.body.toString() || "null") as never
  }
  const must = async (method: string, path: string, body?: unknown): Promise<void> => {
    const answer = await ask(method, path, body)
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`)
  }
  return {
    ask,
    must,
    json,
    networks: async (): Promise<
      ReadonlyArray<{ readonly Id: string; readonly Name: string; readonly Internal: boolean }>
    > => json("GET", "/networks"),
    containers: async (): Promise<
      ReadonlyArray<{ readonly Id: string; readonly Names: ReadonlyArray<string>; readonly State: string }>
    > => json("GET", "/containers/json?all=1"),
    importImage: async (name: string, tag: string, tar: Uint8Array): Promise<void> => {
      const path = `/images/create?fromSrc=-&repo=${name}&tag=${tag}`
      const { body, status } = await askEngine(socketPath, "POST", path, { type: "application/x-tar", bytes: tar })
      if (status !== 200) throw new Error(`importing ${name}: ${status} ${body}`)
    },
    /** Runs a program in a container: its exit status and what it said. */
    exec: async (container: string, ...command: ReadonlyArray<string>) => {
      const { Id }: { readonly Id: string } = await json("POST", `/containers/${container}/exec`, {
        Cmd: command,
        AttachStdout: true,
        AttachStderr: true
      })
      const { body } = await ask("POST", `/exec/${Id}/start`, { Detach: false, Tty: false })
      const { ExitCode }: { readonly ExitCode: number } = await json("GET", `/exec/${Id}/json`)
      return { code: ExitCode, said: unframed(body) }
    }
  }
}
export type EngineApi = ReturnType<typeof makeEngineApi>
