/** The index against the store. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { counted } from "../../domain/humanize.ts"
import { orMissing } from "../../presence.ts"
import type { StoreOptions } from "../../receiver/storePaths.ts"
import { Ourselves } from "../ourselves.ts"
import { type Finding, green, red, yellow } from "../row.ts"
import { running } from "../service.ts"
import { elsewhere } from "../shell.ts"
import { type Agreement, compare } from "./agreement.ts"

export interface IndexMends {
  /** Reads everything, and changes nothing. */
  readonly verify: string
  /** Takes damaged files out, with nobody else at the store. */
  readonly setAside: string
  /** With nobody else at the store. */
  readonly backfill: string
}

const some = ({ count, named }: Agreement["missing"]): string =>
  `${named.join(", ")}${count > named.length ? ` and ${count - named.length} more` : ""}`

/** By the host of the first of them. */
const reship = (names: ReadonlyArray<string>): string => {
  const [host = ""] = (names[0] ?? "").split("/")
  const ids = names.filter((name) => name.startsWith(`${host}/`)).map((name) => name.slice(host.length + 1))
  return elsewhere(host, `sudo cis490-shipper reship ${ids.join(" ")}`)
}

/** `torn`: a crash had torn the index, and the store has not been gone through since. */
export const judgeAgreement = (
  found: Agreement,
  torn: boolean,
  { backfill, setAside, verify }: IndexMends
): Finding => {
  const { files, missing, otherSize, rows, sampled, unindexed, unreadable } = found
  if (missing.count > 0) {
    return red(
      `${counted(missing.count, "row")} without a stored file: ${some(missing)}; their hosts' reship heals them`,
      reship(missing.named)
    )
  }
  if (otherSize.length > 0) {
    return red(`stored files of another size than their rows say: ${otherSize.slice(0, 5).join(", ")}`, setAside)
  }
  if (unindexed.count > 0)
    return yellow(`${counted(unindexed.count, "stored file")} without a row: ${some(unindexed)}`, backfill)
  if (torn) return yellow("the index was torn by a crash, and the store has not been gone through since", backfill)
  const well = `${counted(rows, "row")} and ${counted(files, "stored file")} agree, ${sampled} looked at`
  return unreadable > 0
    ? yellow(
        `${well}; ${counted(unreadable, "line")} of the index ${unreadable === 1 ? "is no row" : "are no rows"}`,
        verify
      )
    : green(well)
}

export const lookAtIndex = Effect.fnUntraced(function* (options: Pick<StoreOptions, "indexPath" | "storeRoot">) {
  const fs = yield* FileSystem.FileSystem
  const { command, program } = yield* Ourselves
  const isRunning = (yield* running) === "running"
  const alone = (work: string): string =>
    isRunning ? `sudo systemctl stop ${program} && ${work}; sudo systemctl start ${program}` : work
  const backfill = alone(command("backfill"))
  if ((yield* orMissing(fs.stat(options.indexPath))) === undefined) return [red("not there", backfill)]
  const torn = yield* fs.exists(`${options.indexPath}.torn`)
  const mends = { verify: command("verify"), setAside: alone(command("verify --set-aside")), backfill }
  return [judgeAgreement(yield* compare(options), torn, mends)]
})
