/** A disk with crash semantics: pure, synchronous, and everything that happens to it is decided by who calls. */
import type { Random } from "../kernel/random.ts"
import { adopt, lensAfter, lensesAfter } from "./aftermath.ts"
import { Calls } from "./calls.ts"
import { Locks } from "./locks.ts"
import { type DiskOptions, State } from "./state.ts"
import { currentLens, durableLens, makeView, type View } from "./view.ts"

export type { Calls } from "./calls.ts"
export type { Stat } from "./fileCalls.ts"
export type { OpenFile, OpenFlags } from "./openFile.ts"
export type { DiskOptions } from "./state.ts"
export type { View } from "./view.ts"

/** Its own calls are those of root: of operators and recorders, who may do anything. */
export class Disk extends Calls {
  readonly #state: State
  readonly #locks: Locks
  readonly #current: View
  readonly #durable: View

  constructor(options: DiskOptions) {
    const state = new State(options)
    const locks = new Locks()
    super(state, locks, { privileged: true, umask: 0o022 })
    this.#state = state
    this.#locks = locks
    this.#current = makeView(state.root, currentLens)
    this.#durable = makeView(state.root, durableLens)
  }

  /** The calls of a program that runs as the ordinary user to whom all files belong. */
  asUser(umask: number): Calls {
    return new Calls(this.#state, this.#locks, { privileged: false, umask })
  }

  /** Grows with every change that can be seen. */
  get version(): number {
    return this.#state.version
  }

  /** Grows with everything that becomes durable. */
  get durableVersion(): number {
    return this.#state.durableVersion
  }

  /** What everybody sees. */
  current(): View {
    return this.#current
  }

  /** Only what has been synced: no pending change of a name, no byte that was not synced. */
  durable(): View {
    return this.#durable
  }

  /** One of the states in which the disk may come back if the power goes now. */
  afterPowerCut(random: Random): View {
    return makeView(this.#state.root, lensAfter(this.#state, random))
  }

  /** The names that may be left if the power goes now, without chance: see `lensesAfter`. The first is `durable()`. */
  *aftermaths(): Generator<View> {
    for (const lens of lensesAfter(this.#state)) yield makeView(this.#state.root, lens)
  }

  /** How many changes of names are not durable yet. */
  get pending(): number {
    return this.#state.journal.pending.length
  }

  /** Becomes one of the states in which a real disk may come back. Whoever had anything open is gone by then. */
  powerCut(random: Random): void {
    adopt(this.#state, lensAfter(this.#state, random))
    this.#locks.clear()
  }

  /** sync(2): everything is durable. Also what a kernel does by itself when some seconds have gone by. */
  syncAll(): void {
    this.#state.syncAll()
  }
}
