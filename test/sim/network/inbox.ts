/** The body of a request as it comes in: read ahead a little, as Node does, so that an end in the middle of it is noticed. */
import type { Process } from "../kernel/process.ts"
import type { ServerSide } from "./connection.ts"

const AHEAD_BYTES = 64 * 1024

export type Piece = Uint8Array | "end" | "broken"

export interface Inbox {
  /** The next piece; `done` never on the caller's stack where it has to wait. */
  readonly take: (done: (piece: Piece) => void) => void
  /** All of it came. */
  readonly whole: () => boolean
  /** From now on what comes is thrown away; `over` when it is through, or more than `limit` bytes. */
  readonly discard: (limit: number, over: (how: "through" | "too much") => void) => void
  /** Nothing more comes. */
  readonly break: () => void
}

/** `gone` when the connection was reset, or ended before the body was whole. */
export const makeInbox = (process: Process, side: ServerSide, announced: number, gone: () => void): Inbox => {
  const pieces: Array<Uint8Array> = []
  let ahead = 0
  let came = 0
  let broken = false
  let reading = false
  let taker: ((piece: Piece) => void) | undefined
  let thrown: { left: number; readonly over: (how: "through" | "too much") => void } | undefined

  const whole = (): boolean => came >= announced

  const serve = (): void => {
    if (taker === undefined) return
    const piece = pieces.shift() ?? (broken ? "broken" : whole() ? "end" : undefined)
    if (piece === undefined) return
    if (typeof piece !== "string") ahead -= piece.length
    const take = taker
    taker = undefined
    take(piece)
    read()
  }
  const throwAway = (bytes: number): void => {
    if (thrown === undefined) return
    thrown.left -= bytes
    if (thrown.left < 0) thrown.over("too much")
    else if (whole()) thrown.over("through")
  }
  const lose = (): void => {
    if (broken) return
    broken = true
    gone()
    serve()
  }

  const read = (): void => {
    if (reading || broken || (ahead >= AHEAD_BYTES && thrown === undefined)) return
    reading = true
    side.read((arrival) => {
      reading = false
      if (!process.alive) return
      if (arrival._tag === "Reset") return lose()
      if (arrival._tag === "End") return whole() ? undefined : lose()
      if (arrival._tag === "Bytes") {
        came += arrival.bytes.length
        if (thrown === undefined) {
          pieces.push(arrival.bytes)
          ahead += arrival.bytes.length
          serve()
        } else throwAway(arrival.bytes.length)
      }
      read()
    })
  }

  read()
  return {
    take: (done) => {
      taker = done
      serve()
    },
    whole,
    discard: (limit, over) => {
      thrown = { left: limit, over }
      throwAway(ahead)
      read()
    },
    break: () => {
      broken = true
    }
  }
}
