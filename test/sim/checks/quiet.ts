/** What cannot succeed is not tried again and again: once everything is at rest nothing is sent, and until then not too often. */
import type { Scene } from "./check.ts"
import { SENDING } from "./traffic.ts"
import { Violation } from "./violation.ts"

/** Of one episode, in a run of some minutes. */
const MOST_REQUESTS = 100
/** On the thinnest link, cut again and again. */
const MOST_APPENDS = 400

export const quiet = ({ ledger, traffic }: Scene) => {
  const owed = (host: string, id: string): boolean =>
    ledger.latest(host, id)?.forfeited === undefined && !ledger.isDisturbed(host, id)
  return {
    /** Nothing that is at rest was sent since then. */
    verifySince: (since: number): void => {
      const late = traffic.sent.find((sent) => sent.at >= since && SENDING.has(sent.method) && owed(sent.host, sent.id))
      if (late !== undefined)
        throw new Violation("what cannot succeed is not tried again", `${late.host}/${late.id} is sent for ever`)
    },
    verifyAll: (): void => {
      const counts = new Map<string, number>()
      for (const { host, id, method } of traffic.sent) {
        if (!SENDING.has(method)) continue
        const isAppend = method === "PATCH"
        const name = `${host}/${id}${isAppend ? " in pieces" : ""}`
        const count = (counts.get(name) ?? 0) + 1
        counts.set(name, count)
        const most = isAppend ? MOST_APPENDS : MOST_REQUESTS
        if (count > most)
          throw new Violation("what cannot succeed is not tried again", `${name} was sent more than ${most} times`)
      }
    }
  }
}
