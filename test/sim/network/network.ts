/** Who can reach whom, and what happens on the way. */
import type { Machine } from "../kernel/machine.ts"
import type { Process } from "../kernel/process.ts"
import type { World } from "../kernel/world.ts"
import { type ClientSide, makeConnection, type ServerSide } from "./connection.ts"
import type { RequestHead, ResponseHead } from "./message.ts"
import type { Attempt, DecidePassage, Trouble } from "./passage.ts"
import type { Link } from "./pipe.ts"
import { answerFor } from "./proxy.ts"

/** Takes a connection that was made; the head of the request is still to be read. */
export type Serve = (side: ServerSide, from: string) => void

/** Why there is no connection, as Node and undici name it. */
export interface NoConnection {
  readonly code: string
  readonly message: string
}

export interface Network {
  readonly answered: Answered
  /** Makes a machine known by its name. */
  readonly attach: (machine: Machine) => void
  /** A host that is no machine of ours: always on, listening while `isUp`. */
  readonly addHost: (name: string, port: number, serve: Serve, isUp: () => boolean) => void
  /** Until the process ends or what is given back is called; `undefined` where the port is taken. */
  readonly listen: (process: Process, port: number, serve: Serve) => (() => void) | undefined
  /** `done` once, in a later step, unless what is given back was called before. */
  readonly connect: (
    from: Process,
    to: { readonly host: string; readonly port: number },
    request: RequestHead,
    done: (outcome: ClientSide | NoConnection) => void
  ) => () => void
}

export interface NetworkOptions {
  readonly link: (from: string, to: string) => Link
  readonly decide: DecidePassage
  readonly answered?: Answered
}

/** Told what a server answers, at the instant in which it does, whoever may hear it. `arrivedAt`: in the world's time. */
export type Answered = (request: RequestHead, response: ResponseHead, body: Uint8Array, arrivedAt: number) => void

/** undici's, as the programs set it. */
const CONNECT_TIMEOUT_MILLIS = 10_000

const LOCAL: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"])

const words = (trouble: Trouble): string => JSON.stringify(trouble)

export const makeNetwork = (world: World, options: NetworkOptions): Network => {
  const machines = new Map<string, Machine>()
  const ports = new Map<string, Serve>()
  const hosts = new Map<string, () => boolean>()
  let attempts = 0

  const keyOf = (host: string, port: number): string => `${host}:${port}`

  /** What happens to somebody who knocks there now. */
  const serverAt = (host: string, port: number): Serve | "refused" | "silence" => {
    const isUp = hosts.get(keyOf(host, port))
    if (isUp?.() === false) return "refused"
    if (machines.get(host)?.on === false) return "silence"
    return ports.get(keyOf(host, port)) ?? "refused"
  }
  const isKnown = (host: string): boolean =>
    machines.has(host) || [...hosts.keys()].some((key) => key.startsWith(`${host}:`))

  /** The whole request again, by a way of its own; whatever is answered gets lost. */
  const repeat = (attempt: Attempt, link: Link, request: RequestHead, body: ReadonlyArray<Uint8Array>): void => {
    const serve = serverAt(attempt.host, attempt.port)
    world.note("net", `${attempt.number} arrives again`)
    if (typeof serve === "string") return
    const { client, server } = makeConnection(world, link, undefined)
    serve(server, attempt.from.machine.name)
    client.write({ _tag: "Head", head: request })
    for (const bytes of body) client.write({ _tag: "Bytes", bytes })
    const drop = (): void =>
      client.read((arrival) => (arrival._tag === "End" || arrival._tag === "Reset" ? client.close("close") : drop()))
    drop()
  }

  const connect: Network["connect"] = (from, to, request, done) => {
    const host = LOCAL.has(to.host) ? from.machine.name : to.host
    const attempt: Attempt = { from, host, port: to.port, request, number: ++attempts }
    const { link: other, trouble } = options.decide(attempt)
    const link: Link = { ...options.link(from.machine.name, host), ...other }
    from.note(
      `net #${attempt.number} ${request.method} ${host}:${to.port}${request.target}${trouble === undefined ? "" : ` [${words(trouble)}]`}`
    )
    let wanted = true
    const tell = (millis: number, outcome: ClientSide | NoConnection): void =>
      void from.after(millis, () => {
        if (wanted) done(outcome)
        else if ("close" in outcome) outcome.close("close")
      })
    const refuse = (): void =>
      tell(link.latencyMillis, { code: "ECONNREFUSED", message: `connect ECONNREFUSED ${host}:${to.port}` })
    const silence = (): void =>
      tell(CONNECT_TIMEOUT_MILLIS, {
        code: "UND_ERR_CONNECT_TIMEOUT",
        message: `Connect Timeout Error (attempted address: ${host}:${to.port}, timeout: ${CONNECT_TIMEOUT_MILLIS}ms)`
      })

    const knock = (): void => {
      const serve =
        trouble?._tag === "Answered" && trouble.when !== "receiver"
          ? answerFor(trouble.answer, trouble.when)
          : serverAt(host, to.port)
      if (serve === "silence") return silence()
      if (serve === "refused") return refuse()
      const { client, server } = makeConnection(world, link, trouble, (head, body) => {
        if (trouble?._tag === "Duplicated") world.after(trouble.afterMillis, () => repeat(attempt, link, head, body))
      })
      serve(server, from.machine.name)
      tell(link.latencyMillis, client)
    }

    if (trouble?._tag === "UnknownHost" || !isKnown(host)) {
      tell(link.latencyMillis, { code: "ENOTFOUND", message: `getaddrinfo ENOTFOUND ${to.host}` })
    } else if (trouble?._tag === "Unreachable") silence()
    else if (trouble?._tag === "Refused") world.after(link.latencyMillis, refuse)
    else world.after(link.latencyMillis, knock)
    return () => {
      wanted = false
    }
  }

  return {
    answered: options.answered ?? (() => undefined),
    attach: (machine) => void machines.set(machine.name, machine),
    addHost: (name, port, serve, isUp) => {
      hosts.set(keyOf(name, port), isUp)
      ports.set(keyOf(name, port), serve)
    },
    listen: (process, port, serve) => {
      const key = keyOf(process.machine.name, port)
      if (ports.has(key)) return undefined
      ports.set(key, serve)
      const close = (): void => {
        if (ports.get(key) === serve) ports.delete(key)
      }
      process.atEnd(close)
      return close
    },
    connect
  }
}
