/** The promises, checked on the disks while everything stands still. */
import * as fs from "node:fs"
import { join } from "node:path"
import { judgeDirectories, judgeSums, judgeTarballs, type StoredFile } from "./foreign.ts"
import { CONCURRENCY, type Host, type Lab } from "./lab.ts"
import { describeTree, type Episode, REASONS } from "./recorder.ts"

const EXTENSION = ".tar.zst"
const RECEIPT = ".receipt.json"
const NOTE = ".conflict.json"

interface Row {
  readonly host_id: string
  readonly episode_id: string
  readonly sha256: string
  readonly bytes: number
  readonly content_sha256: string
}

interface Stored extends StoredFile {
  readonly bytes: number
  /** Changes when another file takes its place, or somebody writes to it. */
  readonly identity: string
}

const keyOf = (host: string, id: string): string => `${host}/${id}`

const wholeLines = (text: string): string => text.slice(0, text.lastIndexOf("\n") + 1)

export interface Look {
  /** Rows that do not fit, and are cut back, may be seen. */
  readonly indexFull: boolean
  /** All is over: nothing may be under way any more, and everything is read anew. */
  readonly final: boolean
}

export const makeJudge = (lab: Lab) => {
  const scratch = join(lab.root, "scratch")
  fs.mkdirSync(scratch)
  let index = ""
  let files = new Map<string, Stored>()
  let rows = new Map<string, Row>()
  const checked = new Set<string>()
  const summed = new Set<string>()

  const episodes = (): ReadonlyArray<Episode> => lab.hosts.flatMap(({ recorder }) => recorder.recorded)
  /** Of those of one name, the one that may be stored. */
  const firstOf = (key: string): Episode | undefined =>
    episodes().find(({ host, id, kind }) => keyOf(host, id) === key && kind !== "conflict")

  const lookAtIndex = (look: Look): ReadonlyArray<string> => {
    const { index_path } = lab.receiver.paths
    const text = fs.existsSync(index_path) ? fs.readFileSync(index_path, "utf8") : ""
    const whole = wholeLines(text)
    const wrong: Array<string> = []
    if (!whole.startsWith(index)) wrong.push("index: rows that stood there are gone or were rewritten")
    if (look.final && whole !== text) wrong.push("index: the last line is torn")
    if (!look.indexFull) index = whole
    rows = new Map()
    for (const line of whole.split("\n").slice(0, -1)) {
      let row: Row
      try {
        row = JSON.parse(line)
      } catch {
        wrong.push(`index: a line is no JSON: ${line.slice(0, 200)}`)
        continue
      }
      const key = keyOf(row.host_id, row.episode_id)
      if (rows.has(key)) wrong.push(`index: two rows for ${key}`)
      rows.set(key, row)
    }
    return wrong
  }

  const lookAtStore = (): ReadonlyArray<string> => {
    const wrong: Array<string> = []
    const now = new Map<string, Stored>()
    for (const { name: host } of lab.hosts) {
      const directory = join(lab.receiver.paths.store_root, host)
      for (const name of fs.readdirSync(directory)) {
        const path = join(directory, name)
        const episodeId = name.slice(0, -EXTENSION.length)
        const key = keyOf(host, episodeId)
        const episode = firstOf(key)
        if (!name.endsWith(EXTENSION) || episode?.kind !== "good") {
          wrong.push(`store: ${path} must not be there`)
          continue
        }
        const { ino, mtimeNs, size } = fs.lstatSync(path, { bigint: true })
        const identity = `${ino} ${size} ${mtimeNs}`
        const before = files.get(key)
        if (before !== undefined && before.identity !== identity) wrong.push(`store: ${path} was replaced`)
        now.set(key, { path, episodeId, manifest: episode.manifest, bytes: Number(size), identity })
      }
    }
    for (const [key, { path }] of files) if (!now.has(key)) wrong.push(`store: ${path} is gone`)
    files = now
    return wrong
  }

  const lookAtRows = (): ReadonlyArray<string> =>
    [...rows].flatMap(([key, row]) => {
      const [file, episode] = [files.get(key), firstOf(key)]
      if (file === undefined) return [`index: ${key} has a row and no file`]
      if (file.bytes !== row.bytes) return [`index: ${key} has ${file.bytes} bytes, its row says ${row.bytes}`]
      return row.content_sha256 === episode?.contentSha256 ? [] : [`index: the row of ${key} names other content`]
    })

  /** What has not been judged before, or everything. */
  const askTools = async ({ final }: Look): Promise<ReadonlyArray<string>> => {
    if (final) for (const judged of [checked, summed]) judged.clear()
    const tarballs = [...files].filter(([key]) => !checked.has(key))
    const sums = [...rows].filter(([key]) => !summed.has(key) && files.has(key))
    for (const [key] of tarballs) checked.add(key)
    for (const [key] of sums) summed.add(key)
    const wrong =
      tarballs.length === 0
        ? []
        : await judgeTarballs(
            scratch,
            tarballs.map(([, file]) => file)
          )
    if (sums.length === 0) return wrong
    const said = sums.map(([key, { sha256 }]) => ({ path: files.get(key)?.path ?? "", sha256 }))
    return [...wrong, ...(await judgeSums(scratch, said))]
  }

  /** The receiver's own word would be true: this very content is in the store and in the index. */
  const isStored = ({ contentSha256, host, id }: Episode): boolean =>
    rows.get(keyOf(host, id))?.content_sha256 === contentSha256 && files.has(keyOf(host, id))

  const lookAtHost = (host: Host, final: boolean) => {
    const wrong: Array<string> = []
    const places = new Map<Episode, Array<string>>()
    const unfinished = new Set(host.recorder.unfinished())
    for (const below of ["episodes", "shipped", "quarantine"] as const) {
      for (const name of host.names(below)) {
        if (below === "shipped" && name.endsWith(RECEIPT)) continue
        if (below === "episodes" && unfinished.has(name)) continue
        const id = name.replace(/~\d+$/, "")
        const tree = describeTree(host.path(below, name))
        const episode = host.recorder.recorded.find((each) => each.id === id && each.tree === tree)
        const where = `${host.name}: ${below}/${name}`
        if (episode === undefined) wrong.push(`${where} is not whole, or never was`)
        else {
          places.set(episode, [...(places.get(episode) ?? []), where])
          if (below === "shipped" && !isStored(episode))
            wrong.push(`${where} was retired, and the receiver does not have it`)
          if (below === "quarantine") wrong.push(...lookAtReason(host, name, episode))
        }
      }
    }
    for (const episode of host.recorder.recorded) {
      const [first, second] = places.get(episode) ?? []
      const what = `${host.name}: ${episode.id} (${episode.kind})`
      if (second !== undefined) wrong.push(`${what} is in two places: ${first}, ${second}`)
      // Only the small disk is pruned, and only of what the receiver has.
      if (first === undefined && !(host.disk !== undefined && isStored(episode))) wrong.push(`${what} is LOST`)
      if (final && first !== undefined) wrong.push(...judgeEnd(host, episode, first))
    }
    const tarballs = host.names("outbox").filter((name) => name.endsWith(EXTENSION))
    if (tarballs.length > 2 * CONCURRENCY) wrong.push(`${host.name}: ${tarballs.length} tarballs in outbox/`)
    return wrong
  }

  const lookAtReason = (host: Host, name: string, { kind }: Episode): ReadonlyArray<string> => {
    const path = host.path("quarantine", name, "quarantine_reason.json")
    const reason: unknown = fs.existsSync(path) ? JSON.parse(fs.readFileSync(path, "utf8")).reason : "no reason"
    const right: ReadonlyArray<unknown> = REASONS[kind]
    return right.includes(reason) ? [] : [`${host.name}: quarantine/${name} is ${kind} and there for ${String(reason)}`]
  }

  const judgeEnd = (host: Host, episode: Episode, place: string): ReadonlyArray<string> => {
    const right = { good: "shipped", conflict: "episodes" }[episode.kind as string] ?? "quarantine"
    const wrong = place.includes(` ${right}/`)
      ? []
      : [`${place} (${episode.kind}) is not where it belongs, in ${right}/`]
    if (episode.kind === "conflict" && !fs.existsSync(host.path("outbox", `${episode.id}${NOTE}`)))
      wrong.push(`${place} has no conflict note`)
    if (episode.kind === "good" && !isStored(episode)) wrong.push(`${place} is not in the store`)
    return wrong
  }

  const lookAtLeftovers = (): ReadonlyArray<string> => {
    const { incoming_root } = lab.receiver.paths
    const held = (host: Host) =>
      new Set(host.recorder.recorded.filter(({ kind }) => kind === "conflict").map(({ id }) => `${id}${NOTE}`))
    return [
      // An upload that no host remembers goes when its time is over.
      ...fs
        .readdirSync(incoming_root)
        .filter((name) => name !== "uploads")
        .map((name) => `incoming/${name} was left behind`),
      ...[...files.keys()].filter((key) => !rows.has(key)).map((key) => `index: ${key} has a file and no row`),
      ...lab.hosts.flatMap((host) =>
        host
          .names("outbox")
          .filter((name) => !held(host).has(name))
          .map((name) => `${host.name}: outbox/${name} was left behind`)
      )
    ]
  }

  const readDirectories = (): Promise<ReadonlyArray<string>> =>
    judgeDirectories(
      scratch,
      lab.hosts.flatMap((host) =>
        host.recorder.recorded.flatMap(({ id, kind, manifest }) => {
          const below = { good: "shipped", conflict: "episodes" }[kind as string] ?? "quarantine"
          const path = host.path(below, id)
          return fs.existsSync(path) ? [{ path, manifest }] : []
        })
      )
    )

  return {
    isStored,
    /** Everything that is not as it was promised. */
    look: async (look: Look): Promise<ReadonlyArray<string>> => [
      ...lookAtIndex(look),
      ...lookAtStore(),
      ...lookAtRows(),
      ...(await askTools(look)),
      ...lab.hosts.flatMap((host) => lookAtHost(host, look.final)),
      ...(look.final ? [...lookAtLeftovers(), ...(await readDirectories())] : [])
    ]
  }
}
export type Judge = ReturnType<typeof makeJudge>
