/** What the actors act on, beside what the checks see. */
import type { Scene } from "../checks/check.ts"
import type { Machine } from "../kernel/machine.ts"
import type { Forgejo } from "../network/forgejo.ts"
import type { HostPlan } from "../plan/plan.ts"
import type { Operator } from "./operator.ts"
import type { Supervisor } from "./supervisor.ts"

export interface Stage extends Scene {
  readonly supervisor: Supervisor
  readonly operator: Operator
  readonly forgejo: Forgejo
  /** So many new commits on the branch. */
  readonly push: (commits: number) => void
  /** The newest commit of the branch. */
  readonly head: () => number
  readonly machineOf: (name: string) => Machine
  readonly planOf: (host: string) => HostPlan
  /** Somebody changed something on that disk: the checks look. */
  readonly disturbed: (machine: Machine) => void
  /** What lies in that directory of the host, and is durable nowhere else, is given up by whoever does this. */
  readonly forfeitAt: (host: string, path: string, why: string) => void
  /** What the receiver alone had, and has lost, is given up. */
  readonly forfeitLost: () => void
  /** Somebody wrote to an episode. */
  readonly written: (host: string, id: string) => void
  /** Somebody takes a stored file away. */
  readonly taken: (path: string) => void
}
