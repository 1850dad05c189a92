/** What the receiver holds for sure: stored files and standing rows, as a power cut would leave them at worst. */
import type { View } from "../disk/view.ts"
import type { Scene } from "./check.ts"
import { INDEX, storedPath } from "./places.ts"

export interface Row {
  readonly host_id: string
  readonly episode_id: string
  readonly sha256: string
  readonly bytes: number
  readonly content_sha256?: string
  readonly status?: string
}

const isRow = (value: unknown): value is Row =>
  typeof value === "object" && value !== null && "host_id" in value && "episode_id" in value && "sha256" in value

export interface Index {
  /** In the order in which they stand there, withdrawals and what they withdraw taken out. */
  readonly standing: ReadonlyArray<Row>
  /** Lines that are no rows. */
  readonly illegible: number
}

const decoder = new TextDecoder()

const parse = (bytes: Uint8Array): Index => {
  let standing: Array<Row> = []
  let illegible = 0
  for (const line of decoder.decode(bytes).split("\n").slice(0, -1)) {
    try {
      const row: unknown = JSON.parse(line)
      if (!isRow(row)) throw new Error("no row")
      if (row.status === "withdrawn") {
        standing = standing.filter((each) => each.host_id !== row.host_id || each.episode_id !== row.episode_id)
      } else standing.push(row)
    } catch {
      illegible++
    }
  }
  return { standing, illegible }
}

export const makeIndexReader = () => {
  let known: { readonly version: string; readonly index: Index } | undefined
  return (view: View): Index => {
    const inode = view.inode(INDEX)
    const version = inode === undefined ? "none" : `${inode.id}.${inode.version}`
    if (known?.version !== version) known = { version, index: parse(view.read(INDEX) ?? new Uint8Array()) }
    return known.index
  }
}

/** Whether file and row of this very content are durable. */
export const makeHolds = (scene: Scene) => {
  const rows = makeIndexReader()
  return (host: string, id: string, content: string): boolean => {
    const view = scene.central.disk.durable()
    if (scene.readers(scene.central).durable.ofTarball(view, storedPath(host, id)) !== content) return false
    return rows(view).standing.some(
      (row) =>
        row.host_id === host &&
        row.episode_id === id &&
        row.content_sha256 === content &&
        row.bytes === view.stat(storedPath(host, id))?.size
    )
  }
}
