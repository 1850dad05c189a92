/** The settings our two programs run with, and the port that the receiver then says it listens on. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { portIn } from "./contenders/port.ts"

interface Host {
  readonly dataRoot: string
  /** Of its receiver. */
  readonly url: string
}

/** Writes `lab-host.toml` to a directory and gives its path. `more`: further lines, the first of them below `[paths]`. */
export const writeHostSettings = (
  directory: string,
  { dataRoot, url }: Host,
  more: ReadonlyArray<string> = []
): string => {
  const path = join(directory, "lab-host.toml")
  const lines = [`host_id = "lab-1"`, "[receiver]", `url = "${url}"`, "[paths]", `data_root = "${dataRoot}"`, ...more]
  writeFileSync(path, `${lines.join("\n")}\n`)
  return path
}

export const indexPath = (centre: string): string => join(centre, "index.jsonl")

/** Writes `receiver.toml` to the directory below which everything of it lies, and gives its path. `more`: further lines. */
export const writeReceiverSettings = (centre: string, more: ReadonlyArray<string> = []): string => {
  const path = join(centre, "receiver.toml")
  const lines = [
    `listen = "127.0.0.1:0"`,
    "[paths]",
    `store_root = "${join(centre, "store")}"`,
    `incoming_root = "${join(centre, "incoming")}"`,
    `index_path = "${indexPath(centre)}"`,
    "[version_gate]",
    "enabled = false",
    ...more
  ]
  writeFileSync(path, `${lines.join("\n")}\n`)
  return path
}

export const receiverPort = portIn(/listening address=127\.0\.0\.1:(\d+)/)
