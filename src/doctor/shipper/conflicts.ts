import { counted } from "../../domain/humanize.ts"
import { type Finding, green, red } from "../row.ts"

const SHOWN = 5

/** `command`: one of the shipper's. What is sent again is refused again: the mend ends those that are named, and uncovers the next. */
export const judgeConflicts = (held: ReadonlyArray<string>, command: (args: string) => string): Finding => {
  if (held.length === 0) return green("none")
  const shown = held.slice(0, SHOWN)
  const more = held.length > shown.length ? ` and ${held.length - shown.length} more` : ""
  const found = `the receiver has other content under ${counted(held.length, "id")}: ${shown.join(", ")}${more}; keep the stored copy (resolve ID --keep-stored), both (resolve ID --as NEW_ID), or send again (retry)`
  return red(found, shown.map((id) => command(`resolve ${id} --keep-stored`)).join(" && "))
}
