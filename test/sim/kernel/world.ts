/** The virtual world: one queue of events, one history. Everything in it happens within `run`, on one stack. */
import { makeHeap } from "./heap.ts"

export interface World {
  /** True virtual time, milliseconds since 1970; never jumps. */
  now(): number
  /** One event, a step of its own, also where `millis` is 0; gives its cancel. */
  after(millis: number, act: () => void): () => void
  /** Runs within the current step, after what runs now. */
  soon(act: () => void): void
  /**
   * Runs the events up to `until`, or until nothing is left or `stop` was called; `afterStep` after each, and once before the first.
   * The time is `until` then, if it was not stopped. What `afterStep` throws ends the run and goes to the caller.
   */
  run(until: number, afterStep: () => void): void
  /** Ends the run after the current step. */
  stop(): void
  /** One line of history: `+12.034s lab-1/shipper#2 fs.rename episodes/x → shipped/x`. */
  note(actor: string, text: string): void
  readonly history: readonly string[]
  /** Steps so far. */
  readonly steps: number
  /** When the next event is, if there is one. */
  next(): number | undefined
}

/** A Tuesday. */
export const EPOCH = Date.UTC(2026, 0, 6, 12)

/** Parts of a millisecond: times are whole numbers of them, so that sums are exact. */
const GRID = 1024

/** So much within one step is a loop that nothing in the world can end. */
const ENDLESS = 200_000

interface Event {
  readonly at: number
  readonly sequence: number
  act: (() => void) | undefined
}

export const makeWorld = (start: number = EPOCH): World => {
  const events = makeHeap<Event>((a, b) => a.at < b.at || (a.at === b.at && a.sequence < b.sequence))
  const notes: Array<readonly [at: number, actor: string, text: string]> = []
  const history: Array<string> = []
  let waiting: Array<() => void> = []
  let now = start
  let sequence = 0
  let steps = 0
  let stopped = false

  /** Runs what was said to be done soon, and what that says in turn. */
  const drain = (): void => {
    for (let done = 0; waiting.length > 0; ) {
      const acts = waiting
      waiting = []
      for (const act of acts) act()
      done += acts.length
      if (done > ENDLESS) throw new Error("a program keeps itself busy for ever within one instant")
    }
  }
  const step = (act: () => void): void => {
    steps++
    act()
    drain()
  }
  /** The next event that was not cancelled. */
  const peek = (): Event | undefined => {
    let event = events.peek()
    while (event !== undefined && event.act === undefined) {
      events.pop()
      event = events.peek()
    }
    return event
  }

  return {
    now: () => now,
    after: (millis, act) => {
      const event: Event = { at: now + Math.max(0, Math.ceil(millis * GRID) / GRID), sequence: sequence++, act }
      events.push(event)
      return () => {
        event.act = undefined
      }
    },
    soon: (act) => void waiting.push(act),
    run: (until, afterStep) => {
      stopped = false
      step(() => undefined)
      afterStep()
      const due = (): Event | undefined => {
        const event = stopped ? undefined : peek()
        return event !== undefined && event.at <= until ? event : undefined
      }
      for (let event = due(); event !== undefined; event = due()) {
        events.pop()
        now = event.at
        const { act } = event
        event.act = undefined
        if (act !== undefined) step(act)
        afterStep()
      }
      if (!stopped) now = Math.max(now, until)
    },
    stop: () => {
      stopped = true
    },
    note: (actor, text) => void notes.push([now, actor, text]),
    get history() {
      for (const [at, actor, text] of notes.slice(history.length)) {
        history.push(`+${((at - start) / 1000).toFixed(3)}s ${actor} ${text}`)
      }
      return history
    },
    get steps() {
      return steps
    },
    next: () => peek()?.at
  }
}
