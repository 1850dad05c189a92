/** One direction of a connection. */
import type { World } from "../kernel/world.ts"

/** What the way is like, in one direction. */
export interface Link {
  readonly latencyMillis: number
  readonly bytesPerSecond: number
}

/** What may stand at the head of a message, and then its bytes. */
export type Item<Head> =
  | { readonly _tag: "Head"; readonly head: Head }
  | { readonly _tag: "Bytes"; readonly bytes: Uint8Array }
  /** Nothing more comes; in the middle of a message it was cut. */
  | { readonly _tag: "End" }

/** `reset`: what was on the way is lost, and the other side knows. */
export type Arrival<Head> = Item<Head> | { readonly _tag: "Reset" }

export interface Pipe<Head> {
  /** `taken` when there is room for more, never on the caller's stack. */
  readonly write: (item: Item<Head>, taken?: () => void) => void
  /** Overtakes what is on the way. */
  readonly reset: () => void
  /** From now on nothing arrives. */
  readonly freeze: () => void
  /** The next arrival; one reader at a time, never on its stack. What comes after `End` or `Reset` is the same again. */
  readonly read: (done: (arrival: Arrival<Head>) => void) => void
  /** Nobody reads any more. */
  readonly deafen: () => void
  /** Bytes that were written and not read. */
  readonly unread: () => number
}

/** A socket's buffers, and what is on the way between them. */
const WINDOW = 256 * 1024
const LEAST_PACKET = 1024

export const makePipe = <Head>(
  world: World,
  link: Link,
  /** What becomes of an item on the way, decided when it would arrive. */
  passing: (item: Item<Head>) => ReadonlyArray<Arrival<Head>> = (item) => [item]
): Pipe<Head> => {
  const arrived: Array<Arrival<Head>> = []
  let reader: ((arrival: Arrival<Head>) => void) | undefined
  let blocked: Array<() => void> = []
  let held = 0
  let freeAt = 0
  let frozen = false
  let over: Arrival<Head> | undefined

  const room = (): void => {
    if (held >= WINDOW || blocked.length === 0) return
    const waiting = blocked
    blocked = []
    world.after(link.latencyMillis, () => {
      if (!frozen) for (const taken of waiting) taken()
    })
  }
  const give = (): void => {
    const next = arrived[0] ?? over
    if (next === undefined || reader === undefined) return
    arrived.shift()
    if (next._tag === "Bytes") {
      held -= next.bytes.length
      room()
    }
    const read = reader
    reader = undefined
    read(next)
  }
  const arrive = (arrival: Arrival<Head>): void => {
    if (over !== undefined || frozen) return
    if (arrival._tag === "Reset") {
      arrived.length = 0
      over = arrival
    } else if (arrival._tag === "End") {
      over = arrival
    } else {
      arrived.push(arrival)
    }
    give()
  }

  const send = (item: Item<Head>): void => {
    const bytes = item._tag === "Bytes" ? item.bytes.length : 0
    held += bytes
    freeAt = Math.max(world.now(), freeAt) + (bytes * 1000) / link.bytesPerSecond
    world.after(freeAt + link.latencyMillis - world.now(), () => {
      if (!frozen) for (const each of passing(item)) arrive(each)
    })
  }
  /** So much goes at once: where the link is thin it comes in many pieces. */
  const packet = Math.max(LEAST_PACKET, Math.floor(link.bytesPerSecond / 8))

  return {
    write: (item, taken) => {
      if (item._tag !== "Bytes") send(item)
      else {
        for (let at = 0; at < item.bytes.length; at += packet)
          send({ _tag: "Bytes", bytes: item.bytes.subarray(at, at + packet) })
      }
      if (taken === undefined) return
      if (held < WINDOW) world.soon(taken)
      else blocked.push(taken)
    },
    reset: () => {
      world.after(link.latencyMillis, () => arrive({ _tag: "Reset" }))
    },
    freeze: () => {
      frozen = true
    },
    read: (done) => {
      reader = done
      if (arrived.length > 0 || over !== undefined) world.soon(give)
    },
    deafen: () => {
      reader = undefined
    },
    unread: () => held
  }
}
