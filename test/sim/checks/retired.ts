/**
 * A directory is retired only when the receiver durably holds that very content, and pruned only while it does and has said so. What
 * somebody wrote into it after the last look at it is that somebody's loss.
 */
import type { Process } from "../kernel/process.ts"
import type { Check, Scene } from "./check.ts"
import { makeHolds } from "./dataset.ts"
import { EPISODES, SHIPPED, withoutSuffix } from "./places.ts"
import { SENDING, type Sent } from "./traffic.ts"
import { Violation } from "./violation.ts"

/** A confirmation is asked for and acted upon within this time. */
const CONFIRMED_MILLIS = 120_000

/** `<from> → <to>`, as the targets of renames are written. */
export const renameIn = (target: string): { readonly from: string; readonly to: string } | undefined => {
  const [from, to] = target.split(" → ")
  return from === undefined || to === undefined ? undefined : { from, to }
}

const isBelow = (path: string, directory: string): string | undefined =>
  path.startsWith(`${directory}/`) && !path.slice(directory.length + 1).includes("/")
    ? path.slice(directory.length + 1)
    : undefined

export interface Retired extends Check {
  /** A request begins. */
  readonly sent: (process: Process, sent: Sent) => void
  /** Somebody wrote to the episode. */
  readonly written: (host: string, id: string) => void
}

export const retired = (scene: Scene): Retired => {
  const holds = makeHolds(scene)
  const lastLook = new Map<string, number>()
  const lastWrite = new Map<string, number>()

  const contentAt = (process: Process, path: string): string | undefined =>
    scene.readers(process.machine).current.ofDirectory(process.machine.disk.current(), path)

  /** Nobody could have noticed. */
  const changedBehindItsBack = (process: Process, host: string, id: string): boolean =>
    (lastWrite.get(`${host}/${id}`) ?? -1) >= (lastLook.get(`${process.name}/${id}`) ?? 0)

  const meetRetirement = (process: Process, id: string, to: string): void => {
    const host = process.machine.name
    const content = contentAt(process, to)
    // What was taken away after the receiver had answered is the lab's loss.
    if (content === undefined || holds(host, id, content) || scene.ledger.isLost(host, id)) return
    if (changedBehindItsBack(process, host, id)) {
      for (const entry of scene.ledger.of(host, id))
        if (entry.content === content) entry.forfeited = "written to while it was retired"
      return
    }
    throw new Violation(
      "retired only when the receiver holds it",
      `${host}/${id} went to shipped/ and is not durable at the receiver`
    )
  }
  const meetPruning = (process: Process, name: string, to: string): void => {
    const host = process.machine.name
    const id = withoutSuffix(name)
    const content = contentAt(process, to)
    const confirmed = scene.traffic.answers.some(
      (answer) =>
        answer.method === "HEAD" &&
        answer.status === 200 &&
        answer.host === host &&
        answer.id === id &&
        answer.at >= scene.world.now() - CONFIRMED_MILLIS
    )
    if (!confirmed)
      throw new Violation("pruned only when the receiver confirms", `${host}/${name} was pruned without its word`)
    if (
      content !== undefined &&
      !holds(host, id, content) &&
      scene.ledger.of(host, id).some((entry) => entry.content === content && entry.forfeited === undefined)
    ) {
      throw new Violation(
        "pruned only when the receiver confirms",
        `${host}/${name} was pruned and is not durable at the receiver`
      )
    }
  }
  return {
    sent: (process, { contentSha256: content, id, method }) => {
      if (!SENDING.has(method)) return
      const host = process.machine.name
      const lies = contentAt(process, `${EPISODES}/${id}`)
      if (lies === undefined || content === undefined || lies === content || changedBehindItsBack(process, host, id))
        return
      // A request that is sent while a recorder writes the episode anew.
      if (scene.ledger.of(host, id).every((entry) => entry.content !== lies)) return
      throw new Violation("what is sent is what lies there", `${host}/${id} is sent as it no longer is`)
    },
    written: (host, id) => void lastWrite.set(`${host}/${id}`, scene.world.now()),
    performed: (process, { method, target }) => {
      if (process.machine === scene.central) return
      if (method === "readdir") {
        const id = isBelow(target, EPISODES)
        if (id !== undefined) lastLook.set(`${process.name}/${id}`, scene.world.now())
      }
      const rename = method === "rename" ? renameIn(target) : undefined
      if (rename === undefined || process.machine.disk.current().stat(rename.to) === undefined) return
      const id = isBelow(rename.from, EPISODES)
      if (id !== undefined && isBelow(rename.to, SHIPPED) !== undefined) meetRetirement(process, id, rename.to)
      const name = isBelow(rename.from, SHIPPED)
      if (name !== undefined && rename.to.includes("/trash/")) meetPruning(process, name, rename.to)
    }
  }
}
