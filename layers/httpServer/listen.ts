import { lstat, unlink } from "node:fs/promises"
import { createConnection } from "node:net"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { parseListen } from "../../src/domain/listen.ts"

/** The server cannot listen there; the message says why. */
export class ListenError extends Data.TaggedError("ListenError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

export type Address = { readonly host: string; readonly port: number } | { readonly path: string }

/** Linux has room for 107 bytes in a socket's path. */
const MAX_SOCKET_PATH = 107

const failed = (words: string) => Effect.fail(new ListenError({ message: `listen: ${words}` }))

export const addressOf = (listen: string): Effect.Effect<Address, ListenError> => {
  const where = parseListen(listen)
  if (where === undefined) return failed(`"${listen}" is neither host:port, [ipv6]:port nor unix:/path`)
  if (where._tag === "Tcp") return Effect.succeed({ host: where.host, port: where.port })
  return Buffer.byteLength(where.path) > MAX_SOCKET_PATH
    ? failed(`the path of a unix socket is absolute, at most ${MAX_SOCKET_PATH} bytes: "${where.path}"`)
    : Effect.succeed({ path: where.path })
}

const words: Readonly<Record<string, string>> = {
  EACCES: "this user may not",
  EADDRINUSE: "another program listens there already",
  EADDRNOTAVAIL: "this machine does not have that address",
  ENOENT: "the directory does not exist",
  ENOTFOUND: "that host name is not known"
}

export const listenError =
  (listen: string) =>
  (cause: unknown): ListenError => {
    const { code = "", message } = cause as NodeJS.ErrnoException
    return new ListenError({ message: `cannot listen on ${listen}: ${words[code] ?? message}`, cause })
  }

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const socket = createConnection(path)
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "ECONNREFUSED" || error.code === "ENOENT" ? resolve(false) : reject(error)
    )
  })

/** Removes the socket file that a dead process left; one where somebody answers, or that is no socket, is an error. */
export const clearStaleSocket = (listen: string, path: string): Effect.Effect<void, ListenError> =>
  Effect.tryPromise({
    try: async () => {
      const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return undefined
        throw error
      })
      if (found === undefined) return
      if (!found.isSocket()) throw new Error("there is a file that is no socket")
      if (await answers(path)) throw Object.assign(new Error("in use"), { code: "EADDRINUSE" })
      await unlink(path)
    },
    catch: listenError(listen)
  })
