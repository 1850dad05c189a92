/** What stands between a host and the receiver, and answers in its place. */
import type { ServerSide } from "./connection.ts"
import { itemsOf } from "./connection.ts"
import { bodyBytes } from "./message.ts"
import type { Answer } from "./passage.ts"

/** Answers at the head, or after the body; reads the rest of the body all the same. */
export const answerFor =
  (answer: Answer, when: "head" | "body") =>
  (side: ServerSide): void => {
    let left = 0
    let answered = false
    const say = (): void => {
      if (answered) return
      answered = true
      for (const item of itemsOf(answer)) side.write(item)
      side.write({ _tag: "End" })
    }
    const next = (): void =>
      side.read((arrival) => {
        if (arrival._tag === "Reset" || arrival._tag === "End") return side.close("close")
        left = arrival._tag === "Head" ? bodyBytes(arrival.head) : left - arrival.bytes.length
        if (when === "head" || left <= 0) say()
        next()
      })
    next()
  }
