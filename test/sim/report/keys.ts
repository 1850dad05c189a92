/** What is counted for the coverage, and under which name. */
import type { Check } from "../checks/check.ts"
import type { Event } from "../plan/plan.ts"

export const keysOf = (event: Event): ReadonlyArray<string> => {
  if (event.kind !== "call") return [`event: ${event.kind}`]
  const { fate, of } = event
  const what =
    fate._tag === "Crash" ? `${fate.how} ${fate.when}` : fate._tag === "Slow" ? "slow" : `${fate._tag} ${fate.code}`
  return [`call: ${what}`, `class: ${of}`]
}

const PLACES = /\/(episodes|shipped|quarantine|trash|outbox|drafts|damaged|store|incoming)\//

/** Every name that goes from one place to another. */
export const moves = (count: (key: string) => void): Check => ({
  performed: (_, { method, target }) => {
    if (method !== "rename" && method !== "link") return
    const [from, to] = target.split(" → ").map((path) => PLACES.exec(path)?.[1])
    if (from !== undefined && to !== undefined) count(`move: ${from} → ${to}`)
  }
})
