/** Nothing is quarantined for a host's, a proxy's or the gate's mistake: the reason is the receiver's own word, or what the episode is. */
import type { Process } from "../kernel/process.ts"
import type { EpisodeKind } from "../plan/plan.ts"
import { type Check, programOf, type Scene } from "./check.ts"
import { EPISODES, QUARANTINE, REASON_FILE } from "./places.ts"
import { renameIn } from "./retired.ts"
import { SENDING } from "./traffic.ts"
import { Violation } from "./violation.ts"

interface Reason {
  readonly reason: string
  readonly status_code: number
  readonly episode_id: string
}

const UNPACKABLE: ReadonlySet<EpisodeKind> = new Set(["symlink", "badName", "brokenManifest"])
const UNSTAMPED: ReadonlySet<EpisodeKind> = new Set(["unstamped", "malformedCommit"])
const STATUS_OF: Readonly<Record<string, ReadonlyArray<number>>> = {
  bad_request: [400],
  out_of_window: [412],
  too_large: [413],
  invalid_archive: [422],
  damaged: [422, 409],
  refused: [411]
}
const decoder = new TextDecoder()

export const blamed = (scene: Scene): Check => {
  const readReason = (process: Process, directory: string): Reason | undefined => {
    const bytes = process.machine.disk.current().read(`${directory}/${REASON_FILE}`)
    return bytes === undefined ? undefined : (JSON.parse(decoder.decode(bytes)) as Reason)
  }
  const isJust = (process: Process, id: string, { reason, status_code }: Reason): boolean => {
    const host = process.machine.name
    const entries = scene.ledger.of(host, id)
    const isHand = programOf(process).endsWith("/operator")
    if (reason === "unpackable") {
      return (
        scene.ledger.isDisturbed(host, id) ||
        entries.length === 0 ||
        entries.some(({ changed, kind }) => changed || UNPACKABLE.has(kind))
      )
    }
    if (reason === "unstamped")
      return isHand && (scene.ledger.isDisturbed(host, id) || entries.some(({ kind }) => UNSTAMPED.has(kind)))
    if (reason === "conflict") return isHand
    const said = scene.traffic.answers.filter(
      (answer) =>
        SENDING.has(answer.method) && answer.host === host && answer.id === id && answer.status === status_code
    )
    return STATUS_OF[reason]?.includes(status_code) === true && said.length >= (reason === "damaged" ? 3 : 1)
  }
  return {
    performed: (process, { method, target }) => {
      const rename = method === "rename" ? renameIn(target) : undefined
      if (rename === undefined || !rename.from.startsWith(`${EPISODES}/`) || !rename.to.startsWith(`${QUARANTINE}/`))
        return
      if (process.machine.disk.current().stat(rename.to)?.type !== "Directory") return
      const id = rename.from.slice(EPISODES.length + 1)
      const reason = readReason(process, rename.to)
      if (reason === undefined)
        throw new Violation("a refusal carries its reason", `${rename.to} has no ${REASON_FILE}`)
      if (isJust(process, id, reason)) return
      throw new Violation(
        "no mistake is blamed on an episode",
        `${process.machine.name}/${id} was quarantined: ${JSON.stringify(reason)}`
      )
    }
  }
}
