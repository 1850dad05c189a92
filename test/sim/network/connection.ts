/** One connection, for one request and its answer: two pipes, and whatever troubles it in between. */
import type { World } from "../kernel/world.ts"
import { bodyBytes, type RequestHead, type ResponseHead } from "./message.ts"
import type { Answer, Trouble, When } from "./passage.ts"
import { type Arrival, type Item, type Link, makePipe, type Pipe } from "./pipe.ts"

/** One end: it writes `Out` and reads `In`. */
export interface Side<Out, In> {
  readonly write: Pipe<Out>["write"]
  readonly read: Pipe<In>["read"]
  /** Gives the connection up in both directions; unless `reset`, what was written still arrives. */
  readonly close: (how: "close" | "reset") => void
  /** Bytes that came, or are coming, and were not read. */
  readonly unread: () => number
  /** Its machine is gone: nothing more leaves it or gets to it. */
  readonly vanish: () => void
}

export type ClientSide = Side<RequestHead, ResponseHead>
export type ServerSide = Side<ResponseHead, RequestHead>

export interface Connection {
  readonly client: ClientSide
  readonly server: ServerSide
}

const sideOf = <Out, In>(out: Pipe<Out>, into: Pipe<In>): Side<Out, In> => {
  let closed = false
  return {
    write: (item, taken) => {
      if (!closed) out.write(item, taken)
    },
    read: into.read,
    close: (how) => {
      if (closed) return
      closed = true
      into.deafen()
      if (how === "reset") out.reset()
      else out.write({ _tag: "End" })
    },
    unread: into.unread,
    vanish: () => {
      closed = true
      out.freeze()
      into.freeze()
    }
  }
}

const END = { _tag: "End" } as const
const GARBAGE = new TextEncoder().encode("SSH-2.0-OpenSSH_9.2\r\n")
const RESET = { _tag: "Reset" } as const

const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = bytes.slice()
  copy[at] = (copy[at] ?? 0) ^ 0x10
  return copy
}

const isWhen = (when: When, what: "before" | "after" | "answer"): boolean => when === what

/** `onWhole` is told the request, once all of it has passed. */
export const makeConnection = (
  world: World,
  link: Link,
  trouble: Trouble | undefined,
  onWhole?: (request: RequestHead, body: ReadonlyArray<Uint8Array>) => void
): Connection => {
  const up = makePipe<RequestHead>(world, link, (item) => outbound(item))
  const down = makePipe<ResponseHead>(world, link, (item) => inbound(item))
  const body: Array<Uint8Array> = []
  let head: RequestHead | undefined
  let passed = 0
  let answered = 0

  const strike = (): ReadonlyArray<Arrival<never>> => {
    if (trouble?._tag === "Stalled") {
      up.freeze()
      down.freeze()
      return []
    }
    if (trouble?._tag !== "Cut") return []
    if (trouble.how === "reset") down.reset()
    else down.write(END)
    return [trouble.how === "reset" ? RESET : END]
  }
  const strikes = (what: "before" | "after" | "answer"): boolean =>
    (trouble?._tag === "Cut" || trouble?._tag === "Stalled") && isWhen(trouble.when, what)

  /** The byte of the body before which it strikes. */
  const threshold = (request: RequestHead): number | undefined => {
    const share = trouble?._tag === "Corrupted" ? trouble.share : shareOf(trouble)
    return share === undefined ? undefined : Math.min(Math.floor(share * bodyBytes(request)), bodyBytes(request) - 1)
  }

  const bytesPass = (request: RequestHead, bytes: Uint8Array): ReadonlyArray<Arrival<RequestHead>> => {
    const from = passed
    passed += bytes.length
    body.push(bytes)
    const at = threshold(request)
    const hit = at !== undefined && at >= from && at < passed
    if (hit && trouble?._tag === "Corrupted") return [{ _tag: "Bytes", bytes: flipped(bytes, at - from) }]
    if (hit) return [{ _tag: "Bytes", bytes: bytes.subarray(0, at - from) }, ...strike()]
    const whole = passed >= bodyBytes(request)
    return [{ _tag: "Bytes", bytes }, ...(whole ? wholePassed(request) : [])]
  }
  const wholePassed = (request: RequestHead): ReadonlyArray<Arrival<RequestHead>> => {
    onWhole?.(request, body)
    return strikes("after") ? strike() : []
  }

  const outbound = (item: Item<RequestHead>): ReadonlyArray<Arrival<RequestHead>> => {
    if (item._tag === "Head") {
      head = item.head
      if (strikes("before")) return strike()
      return [item, ...(bodyBytes(item.head) === 0 ? wholePassed(item.head) : [])]
    }
    return item._tag === "Bytes" && head !== undefined ? bytesPass(head, item.bytes) : [item]
  }

  const inbound = (item: Item<ResponseHead>): ReadonlyArray<Arrival<ResponseHead>> => {
    if (item._tag === "Head" && strikes("answer")) {
      const [broken = item] = strike()
      if (trouble?._tag === "Cut") up.reset()
      return trouble?._tag === "Cut" ? [broken] : []
    }
    if (trouble?._tag === "Garbled" && item._tag === "Head") return [{ _tag: "Bytes", bytes: GARBAGE }]
    if (trouble?._tag === "Answered" && trouble.when === "receiver") {
      if (item._tag === "Head") return itemsOf(trouble.answer)
      return item._tag === "End" ? [item] : []
    }
    if (trouble?._tag === "Truncated" && item._tag === "Bytes") {
      const left = trouble.bytes - answered
      answered += item.bytes.length
      return answered < trouble.bytes
        ? [item]
        : [{ _tag: "Bytes", bytes: item.bytes.subarray(0, Math.max(0, left)) }, END]
    }
    return [item]
  }

  const millis = millisOf(trouble)
  if (millis !== undefined) {
    world.after(millis, () => {
      strike()
      // Both ends see a cut.
      if (trouble?._tag === "Cut") up.reset()
    })
  }

  return { client: sideOf(up, down), server: sideOf(down, up) }
}

const millisOf = (trouble: Trouble | undefined): number | undefined => {
  if (trouble?._tag !== "Cut" && trouble?._tag !== "Stalled") return undefined
  return typeof trouble.when === "object" && "millis" in trouble.when ? trouble.when.millis : undefined
}

const shareOf = (trouble: Trouble | undefined): number | undefined => {
  if (trouble?._tag !== "Cut" && trouble?._tag !== "Stalled") return undefined
  return typeof trouble.when === "object" && "share" in trouble.when ? trouble.when.share : undefined
}

/** A whole answer, its length said. */
export const itemsOf = ({ body, headers, status }: Answer): ReadonlyArray<Item<ResponseHead>> => {
  const bytes = new TextEncoder().encode(body)
  return [
    { _tag: "Head", head: { status, headers: { "content-length": String(bytes.length), ...headers } } },
    ...(bytes.length === 0 ? [] : [{ _tag: "Bytes", bytes } as const])
  ]
}
