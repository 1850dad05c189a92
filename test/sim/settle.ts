/** Lets the faults come to their end and everything come to rest, and looks at how it stands then. */
import type { Supervisor } from "./actors/supervisor.ts"
import { machinesOf, type Scene } from "./checks/check.ts"
import type { makeEnding } from "./checks/ending.ts"
import type { makeHangs } from "./checks/hangs.ts"
import { quiet } from "./checks/quiet.ts"
import { Violation } from "./checks/violation.ts"
import { RECEIVER_MACHINE } from "./plan/plan.ts"

/** Faults are over then; what is not at rest after so long never will be. */
const PATIENCE_MILLIS = 1_500_000
/** An episode that changed three times is looked at hourly. */
const PATIENCE_WITH_CHANGES_MILLIS = 4_500_000
const LOOK_MILLIS = 5000
const QUIET_MILLIS = 60_000
/** What was under way may come to its end. */
const LAST_WORDS_MILLIS = 10_000
const RESTART_MILLIS = 30_000

/** What could not be taken away when it was done with, as was said. */
const isLeftToTheNextStart = (name: string, history: ReadonlyArray<string>): boolean =>
  name === ".probe" ||
  history.some((line) => line.includes("could not be removed from incoming/") && line.includes(name))

interface Run {
  readonly scene: Scene
  readonly supervisor: Supervisor
  readonly ending: ReturnType<typeof makeEnding>
  readonly hangs: ReturnType<typeof makeHangs>
  /** In the world's time. */
  readonly endOfFaults: number
  /** How many daemons have ended so far. */
  readonly ends: () => number
  readonly atRest: () => void
  readonly goOn: (until: number) => void
  readonly count: (key: string) => void
}

/** A receiver that has to be started once more to be done with everything: what it said it could not take away, or could not index. */
const clearIncoming = ({ count, ending, goOn, scene, supervisor }: Run): void => {
  const { ledger, world } = scene
  const left = ending.leftInIncoming()
  const isNextStarts = (name: string): boolean => {
    const [host = "", id = ""] = name.split("~")
    return ledger.isLost(host, id) || !ending.hasRow(host, id) || isLeftToTheNextStart(name, world.history)
  }
  if (left.length === 0 || !left.every(isNextStarts)) return
  count("incoming: left to the next start")
  supervisor.restart(RECEIVER_MACHINE)
  goOn(world.now() + RESTART_MILLIS)
}

/** More than `limits.upload_expiry_s`, and as long as the receiver may take to look. */
const EXPIRY_MILLIS = 8 * 86_400_000
const LOOK_FOR_EXPIRED_MILLIS = 700_000

/** Uploads that nobody goes on with are over one day. */
const expire = ({ count, ending, goOn, scene, supervisor }: Run): void => {
  if (ending.openUploads().length === 0) return
  count("uploads: left to expire")
  if (scene.world.history.some((line) => line.includes("an upload that is done with could not be removed"))) {
    count("uploads: left to the next start")
    supervisor.restart(RECEIVER_MACHINE)
    goOn(scene.world.now() + RESTART_MILLIS)
  }
  scene.central.letPass(EXPIRY_MILLIS)
  goOn(scene.world.now() + LOOK_FOR_EXPIRED_MILLIS)
  ending.verifyExpired()
}

export const settle = (run: Run): void => {
  const { ending, ends, goOn, hangs, scene, supervisor } = run
  const { plan, world } = scene
  const services = [...supervisor.services.values()]
  const isUp = (): boolean =>
    machinesOf(scene).every(({ on }) => on) && services.every(({ running }) => running !== undefined)
  const isAtRest = (): boolean => isUp() && hangs.areOver() && ending.isAtRest()
  const silence = quiet(scene)

  goOn(run.endOfFaults)
  const changes = plan.events.filter(({ kind }) => kind === "change" || kind === "rerecord").length
  const deadline = world.now() + (changes < 3 ? PATIENCE_MILLIS : PATIENCE_WITH_CHANGES_MILLIS)
  while (world.now() < deadline && !isAtRest()) goOn(world.now() + LOOK_MILLIS)
  run.atRest()
  const [since, before] = [world.now() + LAST_WORDS_MILLIS, ends()]
  goOn(world.now() + QUIET_MILLIS)
  if (!isUp() || ends() > before) {
    throw new Violation("the daemons stay up", `${ends() - before} ended though nothing was wrong any more`)
  }
  clearIncoming(run)
  ending.verify()
  silence.verifySince(since)
  silence.verifyAll()
  expire(run)
  hangs.verify(services.reduce((sum, service) => sum + service.hangs, 0))
}
