/** The operator's commands beside a working shipper, to be killed in their middle. */
import type { Ran } from "../support/shipperBox.ts"
import { launch } from "./actor.ts"
import type { Chance } from "./chance.ts"
import type { Host } from "./lab.ts"

const withoutReceipts = (names: ReadonlyArray<string>) => names.filter((name) => !name.endsWith(".receipt.json"))

/** What a command acts on, and how to tell that one of them was not come to yet. */
const COMMANDS = {
  reship: (host: Host, chance: Chance) => {
    const names = withoutReceipts(host.names("shipped"))
    if (names.length === 0) return undefined
    const some = Array.from({ length: chance.between(1, 8) }, () => chance.one(names))
    const targets = chance.yes(0.15) ? names : [...new Set(some)]
    return {
      args: targets === names ? ["--all"] : targets,
      targets,
      left: () => withoutReceipts(host.names("shipped"))
    }
  },
  requeue: (host: Host) => ({
    args: ["--all"],
    targets: host.names("quarantine"),
    left: () => host.names("quarantine")
  }),
  retry: (host: Host) => {
    const notes = () => host.names("outbox").filter((name) => name.endsWith(".conflict.json"))
    return { args: ["--all"], targets: notes(), left: notes }
  },
  drain: (host: Host) => ({ args: [], targets: host.names("episodes"), left: () => host.names("episodes") })
}

/** `undefined` when there is nothing to do it to. */
export const startCommand = (chance: Chance, host: Host) => {
  const name = chance.weighted({ reship: 5, requeue: 3, retry: 1, drain: 1 })
  const plan = COMMANDS[name](host, chance)
  if (plan === undefined) return undefined
  const program = launch(host.program, host.args(name, ...plan.args))
  return {
    name,
    over: program.over,
    kill: (): Promise<Ran> => program.stop("SIGKILL"),
    progress: (): string => {
      const left = new Set(plan.left())
      const done = plan.targets.filter((target) => !left.has(target)).length
      return done === 0 ? "nothing moved yet" : done < plan.targets.length ? "half-way" : "everything moved"
    }
  }
}
