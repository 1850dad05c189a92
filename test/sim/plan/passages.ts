/** What happens to every request on its way, from the plan. */
import type { Machine } from "../kernel/machine.ts"
import type { Random } from "../kernel/random.ts"
import { makeRandom } from "../kernel/random.ts"
import type { Answer, Attempt, DecidePassage, Passage } from "../network/passage.ts"
import type { ConnectionPlan } from "./connections.ts"
import { type Event, type Plan, type ProxyAnswer, RECEIVER_MACHINE } from "./plan.ts"

type ConnectionEvent = Extract<Event, { readonly kind: "connection" }>

const page = (status: number, more: Readonly<Record<string, string>> = {}): Answer => {
  const body = `<html><body>${status}</body></html>`
  return { status, headers: { "content-type": "text/html", "content-length": String(body.length), ...more }, body }
}
const document = (status: number, words: object, more: Readonly<Record<string, string>> = {}): Answer => {
  const body = JSON.stringify(words)
  return {
    status,
    headers: { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)), ...more },
    body
  }
}

/** None of these is the receiver's word. */
const proxyAnswers: Readonly<Record<ProxyAnswer, Answer>> = {
  "200": page(200),
  "201": document(201, { status: "stored" }),
  "204": { status: 204, headers: {}, body: "" },
  "302": page(302, { location: "https://login.example/" }),
  "401": document(401, { error: "who are you" }),
  "403": document(403, { error: "not from here" }),
  "404": page(404),
  "409": page(409),
  "412": page(412),
  "422": page(422),
  "429": page(429, { "retry-after": "3" }),
  "502": page(502),
  "503": page(503, { "retry-after": "2" })
}

const fates: Readonly<Record<ConnectionPlan, (random: Random) => Passage>> = {
  refused: () => ({ trouble: { _tag: "Refused" } }),
  unreachable: () => ({ trouble: { _tag: "Unreachable" } }),
  unknownHost: () => ({ trouble: { _tag: "UnknownHost" } }),
  cutBefore: (random) => ({ trouble: { _tag: "Cut", when: "before", how: random.pick(["reset", "close"]) } }),
  cutRequest: (random) => ({
    trouble: { _tag: "Cut", when: { share: random.next() }, how: random.pick(["reset", "close"]) }
  }),
  cutAfter: () => ({ trouble: { _tag: "Cut", when: "after", how: "reset" } }),
  answerLost: (random) => ({ trouble: { _tag: "Cut", when: "answer", how: random.pick(["reset", "close"]) } }),
  duplicated: (random) => ({ trouble: { _tag: "Duplicated", afterMillis: random.pick([0, 1, 5, 50, 3000]) } }),
  delayed: (random) => ({ link: { latencyMillis: 500 + random.int(3000) } }),
  answerCut: (random) => ({ trouble: { _tag: "Truncated", bytes: random.int(60) } }),
  stalledRequest: (random) => ({ trouble: { _tag: "Stalled", when: { share: random.next() } } }),
  stalledAnswer: () => ({ trouble: { _tag: "Stalled", when: "answer" } }),
  slow: (random) => ({ link: { bytesPerSecond: 2000 + random.int(20_000) } }),
  damaged: (random) => ({ trouble: { _tag: "Corrupted", share: random.next() } }),
  busy429: () => ({
    trouble: { _tag: "Answered", when: "head", answer: document(429, { error: "too many" }, { "retry-after": "4" }) }
  }),
  busy503: () => ({
    trouble: { _tag: "Answered", when: "body", answer: document(503, { error: "not now" }, { "retry-after": "4" }) }
  }),
  proxyAfter: () => ({ trouble: { _tag: "Answered", when: "receiver", answer: page(502) } }),
  garbled: () => ({ trouble: { _tag: "Garbled" } })
}

const USUAL: Passage = {}

/** Requests are counted by the machine that sends them to the receiver. */
export const makePassages = (
  { events, seed }: Plan,
  elapsed: () => number,
  /** From then on nothing goes wrong any more. */
  isOver: () => boolean,
  asked: (attempt: Attempt) => void,
  happened: (event: ConnectionEvent | undefined, words: string) => void
): DecidePassage => {
  const counts = new Map<string, number>()
  const lasts = (event: Event & { readonly at: number; readonly forMillis: number }): boolean =>
    elapsed() >= event.at && elapsed() < event.at + event.forMillis

  const ofHost = (machine: Machine): Passage => {
    const nth = (counts.get(machine.name) ?? 0) + 1
    counts.set(machine.name, nth)
    for (const event of events) {
      if (event.kind === "connection" && !isOver() && event.host === machine.name && event.nth === nth) {
        happened(event, `connection: ${event.fate}`)
        return fates[event.fate](makeRandom(`${seed} ${event.label}`))
      }
      if (event.kind === "unplugged" && event.host === machine.name && lasts(event)) {
        happened(undefined, "connection: unplugged")
        return { trouble: { _tag: "Refused" } }
      }
      if (event.kind === "thin" && event.host === machine.name && lasts(event)) {
        happened(undefined, "connection: thin")
        return {
          link: { bytesPerSecond: event.bytesPerSecond, latencyMillis: 40 },
          // Sometimes nobody is told.
          trouble:
            nth % 3 === 0
              ? { _tag: "Stalled", when: { millis: event.dropsAfterMillis } }
              : { _tag: "Cut", when: { millis: event.dropsAfterMillis }, how: "reset" }
        }
      }
      if (event.kind === "proxy" && event.host === machine.name && lasts(event)) {
        happened(undefined, `proxy: ${event.answer}`)
        return {
          trouble: { _tag: "Answered", when: nth % 2 === 0 ? "head" : "body", answer: proxyAnswers[event.answer] }
        }
      }
    }
    return USUAL
  }
  return (attempt) => {
    if (attempt.host !== RECEIVER_MACHINE) return USUAL
    asked(attempt)
    return ofHost(attempt.from.machine)
  }
}
