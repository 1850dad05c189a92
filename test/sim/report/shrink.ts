/** Makes a failing plan smaller as long as it still breaks the same promise: fewer hosts, episodes, events. */
import type { Plan } from "../plan/plan.ts"

const without = <A>(all: ReadonlyArray<A>, from: number, count: number): ReadonlyArray<A> => [
  ...all.slice(0, from),
  ...all.slice(from + count)
]

/** Smaller plans, the boldest first. */
function* smaller(plan: Plan): Generator<Plan> {
  for (const host of plan.hosts) {
    if (plan.hosts.length > 1)
      yield {
        ...plan,
        hosts: plan.hosts.filter((each) => each !== host),
        events: plan.events.filter((event) => !concerns(event, host.name))
      }
  }
  for (let size = plan.events.length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < plan.events.length; from += size)
      yield { ...plan, events: without(plan.events, from, size) }
  }
  for (const [at, host] of plan.hosts.entries()) {
    for (let i = 0; i < host.episodes.length; i++) {
      yield { ...plan, hosts: plan.hosts.with(at, { ...host, episodes: without(host.episodes, i, 1) }) }
    }
  }
  for (const [at, host] of plan.hosts.entries()) {
    for (const [i, episode] of host.episodes.entries()) {
      const plain = { ...episode, at: 0, kind: "good", manifest: false, careful: true } as const
      if (JSON.stringify(plain) !== JSON.stringify(episode))
        yield { ...plan, hosts: plan.hosts.with(at, { ...host, episodes: host.episodes.with(i, plain) }) }
    }
  }
}

const concerns = (event: Plan["events"][number], host: string): boolean =>
  ("host" in event && event.host === host) ||
  ("machine" in event && event.machine === host) ||
  ("actor" in event && event.actor.startsWith(`${host}/`))

/** `fails`: whether a plan breaks the promise. At most `tries` plans are tried. */
export const shrink = (plan: Plan, fails: (plan: Plan) => boolean, tries = 300): Plan => {
  let best = plan
  let left = tries
  for (let found = true; found && left > 0; ) {
    found = false
    for (const candidate of smaller(best)) {
      if (left-- <= 0) break
      if (!fails(candidate)) continue
      best = candidate
      found = true
      break
    }
  }
  return best
}
