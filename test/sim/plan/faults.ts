/** The fate of every call, from the plan. */
import { type Call, type Decide, type Fate } from "../kernel/call.ts"
import type { Process } from "../kernel/process.ts"
import type { Random } from "../kernel/random.ts"
import type { CallClass, Event } from "./plan.ts"

type CallEvent = Extract<Event, { readonly kind: "call" }>

const classes: Readonly<Record<CallClass, (call: Call) => boolean>> = {
  any: () => true,
  mutating: ({ mutates }) => mutates,
  sync: ({ method }) => method === "sync",
  write: ({ method }) => method === "write",
  rename: ({ method }) => method === "rename" || method === "link",
  read: ({ method, mutates, service }) => !mutates && (service === "fs" || service === "volume") && method !== "sync",
  partial: ({ mutates, target }) => mutates && target.endsWith(".partial"),
  index: ({ mutates, target }) => mutates && target.endsWith("index.jsonl"),
  lookup: ({ service }) => service === "lookup",
  upload: ({ mutates, target }) => mutates && target.includes("/incoming/uploads/")
}

/** Some microseconds in memory, some milliseconds on a disk. */
const usual = (random: Random, { method }: Call): number =>
  method === "sync" ? 1 + random.int(4) : 0.05 + random.next() * 0.1

/** Calls are counted by program, over all its incarnations, and by class. `seen` is told of every call. */
export const makeDecide = (
  random: Random,
  events: ReadonlyArray<Event>,
  /** From then on nothing goes wrong any more. */
  isOver: () => boolean,
  happened: (event: CallEvent, process: Process, call: Call) => void,
  seen: (process: Process, call: Call, index: number) => Fate["fault"] = () => undefined
): Decide => {
  const waiting = new Map<string, Array<CallEvent>>()
  for (const event of events)
    if (event.kind === "call") waiting.set(event.actor, [...(waiting.get(event.actor) ?? []), event])
  const counts = new Map<string, number>()
  let index = 0

  return (process, call) => {
    const fault = seen(process, call, index++)
    const latencyMillis = usual(random, call)
    if (fault !== undefined) return { latencyMillis, fault }
    const actor = process.name.slice(0, process.name.lastIndexOf("#"))
    const mine = waiting.get(actor)
    if (mine === undefined || isOver()) return { latencyMillis }
    let due: CallEvent | undefined
    for (const of of new Set(mine.map((event) => event.of))) {
      if (!classes[of](call)) continue
      const key = `${actor} ${of}`
      const nth = (counts.get(key) ?? 0) + 1
      counts.set(key, nth)
      due ??= mine.find((event) => event.of === of && event.nth === nth)
    }
    if (due === undefined) return { latencyMillis }
    happened(due, process, call)
    const { fate } = due
    return fate._tag === "Slow" ? { latencyMillis: fate.millis } : { latencyMillis, fault: fate }
  }
}
