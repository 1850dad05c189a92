/** What a program was doing when it was killed, as far as what it left behind shows. */
import * as fs from "node:fs"
import { join } from "node:path"
import type { Host, Lab } from "./lab.ts"

const RECEIPT = ".receipt.json"

/** `since`: when it was started, milliseconds since 1970; `undefined` when it was not up yet. What is older was left by another. */
export const hostPhase = (host: Host, since: number | undefined): string => {
  if (since === undefined) return "starting"
  const left = (below: string): ReadonlyArray<string> =>
    host.names(below).filter((name) => fs.statSync(host.path(below, name)).mtimeMs >= since)
  if (left("state/drafts").length > 0) return "writing a receipt, note or reason"
  const receipts = left("shipped").filter((name) => name.endsWith(RECEIPT))
  if (receipts.some((name) => !fs.existsSync(host.path("shipped", name.slice(0, -RECEIPT.length))))) return "retiring"
  const outbox = left("outbox").filter((name) => !name.endsWith(".conflict.json"))
  if (outbox.some((name) => name.endsWith(".partial"))) return "packing"
  const isRetired = (tarball: string) => !fs.existsSync(host.path("episodes", tarball.slice(0, -".tar.zst".length)))
  if (outbox.some(isRetired)) return "retired, tarball not removed"
  return outbox.length > 0 ? "sending" : "idle"
}

/** The same for the receiver. */
export const receiverPhase = ({ receiver }: Lab, since: number | undefined): string => {
  if (since === undefined) return "starting"
  const { incoming_root, index_path } = receiver.paths
  const index = fs.existsSync(index_path) ? fs.readFileSync(index_path, "utf8") : ""
  const parts = fs
    .readdirSync(incoming_root)
    .map((name) => ({ name, ...fs.statSync(join(incoming_root, name)) }))
    .filter(({ mtimeMs }) => mtimeMs >= since)
  const linked = parts.filter(({ nlink }) => nlink > 1)
  const isIndexed = ({ name }: { readonly name: string }): boolean => {
    const [host, episode] = name.split("~")
    return index.includes(`"host_id":"${host}","episode_id":"${episode}"`)
  }
  if (!linked.every(isIndexed)) return "linked into the store, not indexed"
  if (linked.length > 0) return "indexed, incoming/ not cleared"
  return parts.length > 0 ? "receiving" : "idle"
}
