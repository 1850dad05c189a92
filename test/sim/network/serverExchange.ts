/** One request that arrived, as Node's server keeps it: its body, its answer, its end. */
import type { Process } from "../kernel/process.ts"
import type { ServerSide } from "./connection.ts"
import { hold } from "./hold.ts"
import { type Inbox, makeInbox } from "./inbox.ts"
import { answersWithoutBody, bodyBytes, type RequestHead, type ResponseHead } from "./message.ts"

/** What a client that was refused in mid-body may still send (`layers/HttpServer.ts`). */
const LINGER = { bytes: 64 * 1024 * 1024, millis: 10_000 }

export interface ServerExchange {
  readonly head: RequestHead
  readonly inbox: Inbox
  readonly isClosed: () => boolean
  readonly isAnswered: () => boolean
  readonly answer: (head: ResponseHead, body: Uint8Array) => void
  /** Cuts the connection. */
  readonly cut: () => void
}

/**
 * `gone` when the client went away before it was answered; `closed` once, when the connection is done with. A refusal in mid-body goes
 * out whole, and what still comes is thrown away for a while.
 */
export const makeServerExchange = (
  process: Process,
  side: ServerSide,
  head: RequestHead,
  on: { readonly gone: () => void; readonly closed: () => void }
): ServerExchange => {
  const release = hold(process, side)
  let answered = false
  let closed = false

  const close = (how: "close" | "reset"): void => {
    if (closed) return
    closed = true
    release()
    side.close(how)
    on.closed()
  }
  const lose = (): void => {
    if (!answered) on.gone()
    close("close")
  }
  const inbox = makeInbox(process, side, bodyBytes(head), lose)

  const answer = (response: ResponseHead, body: Uint8Array): void => {
    if (closed || answered) return
    answered = true
    const left = !inbox.whole()
    const headers = left ? { ...response.headers, connection: "close" } : response.headers
    side.write({ _tag: "Head", head: { ...response, headers } })
    if (body.length > 0 && !answersWithoutBody(head.method, response.status)) side.write({ _tag: "Bytes", bytes: body })
    if (!left) return close("close")
    side.write({ _tag: "End" })
    const cancel = process.after(LINGER.millis, () => close("reset"))
    inbox.discard(LINGER.bytes, (how) => {
      cancel()
      close(how === "through" ? "close" : "reset")
    })
  }

  return {
    head,
    inbox,
    isClosed: () => closed,
    isAnswered: () => answered,
    answer,
    cut: () => {
      inbox.break()
      close("reset")
    }
  }
}
