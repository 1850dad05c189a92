/** The receiver's word: a success only for what is durable, a 412 only on knowing. */
import type { Scene } from "./check.ts"
import { makeHolds } from "./dataset.ts"
import { type Answer, SENDING } from "./traffic.ts"
import { Violation } from "./violation.ts"

export const answers = (scene: Scene) => {
  const holds = makeHolds(scene)

  const verifySuccess = ({ contentSha256, host, id, method, status }: Answer): void => {
    if (contentSha256 !== undefined && holds(host, id, contentSha256)) return
    throw new Violation("success is said only of what is durable", `${method} ${host}/${id} was answered ${status}`)
  }
  const verifyRefusal = ({ arrivedAt, commit, host, id }: Answer): void => {
    const known = scene.traffic.windows.filter(({ askedAt }) => askedAt >= arrivedAt)
    if (known.some(({ commits }) => commit !== undefined && !commits.includes(commit))) return
    const why = known.length === 0 ? "nothing was learnt after it was asked" : "all that was learnt has that commit"
    throw new Violation("not knowing is never a refusal for good", `${host}/${id} was answered 412, and ${why}`)
  }
  /** At the instant in which it is said. */
  return (answer: Answer): void => {
    const { method, partial, status } = answer
    if (partial) return
    if ((SENDING.has(method) && (status === 200 || status === 201)) || (method === "HEAD" && status === 200))
      verifySuccess(answer)
    if (SENDING.has(method) && status === 412) verifyRefusal(answer)
  }
}
