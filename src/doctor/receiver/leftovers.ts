/** What lies about on the receiver's disk: uploads that were given up, files that were set aside. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import { counted } from "../../domain/humanize.ts"
import { type EpisodeId, type HostId, isHostId, withoutSuffix } from "../../domain/names.ts"
import { parentOf } from "../../domain/parentOf.ts"
import { isTaken, orMissing } from "../../presence.ts"
import { damagedDirectory, parseIncoming, parseStored, storedPath } from "../../receiver/storePaths.ts"
import { parseEntry, uploadsDirectory } from "../../receiver/uploads/paths.ts"
import { Volume } from "../../services/Volume.ts"
import { Ourselves } from "../ourselves.ts"
import { type Finding, green, yellow } from "../row.ts"
import { running } from "../service.ts"
import { elsewhere, word, words } from "../shell.ts"

const SHOWN = 5
/** An upload that moves changes its file far more often. */
const LEFT_MILLIS = 3_600_000

export interface Incoming {
  /** Uploads of ours that nobody goes on with. */
  readonly left: ReadonlyArray<string>
  readonly underWay: number
  /** Uploads that may be resumed. */
  readonly open: number
  /** Names that are not ours. */
  readonly foreign: ReadonlyArray<string>
}

const shown = (names: ReadonlyArray<string>): string =>
  `${names.slice(0, SHOWN).join(", ")}${names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ""}`

/** `restart` makes the receiver go through what is left. */
export const judgeIncoming = (
  { foreign, left, open, underWay }: Incoming,
  directory: string,
  restart: string
): Finding => {
  if (left.length > 0) return yellow(`${counted(left.length, "upload")} left behind: ${shown(left)}`, restart)
  if (foreign.length > 0) {
    const strays = `${parentOf(directory)}/strays`.replace("//", "/")
    return yellow(
      `not ours: ${shown(foreign.map((name) => JSON.stringify(name)))}`,
      `sudo mkdir -p ${word(strays)} && sudo mv --backup=numbered -t ${words([strays, "--", ...foreign.slice(0, SHOWN).map((name) => `${directory}/${name}`)])}`
    )
  }
  const said = [
    ...(underWay === 0 ? [] : [`${counted(underWay, "upload")} under way`]),
    ...(open === 0 ? [] : [`${counted(open, "upload")} that may be resumed`])
  ]
  return green(said.length === 0 ? "empty" : said.join(", "))
}

/** Data without a state is of an upload that was beginning or ending; long after that, nobody's. */
const lookAtUploads = Effect.fnUntraced(function* (
  directory: string,
  isLeft: (path: string) => Effect.Effect<boolean, PlatformError>
) {
  const fs = yield* FileSystem.FileSystem
  const names = (yield* orMissing(fs.readDirectory(uploadsDirectory(directory)))) ?? []
  const entries = names.map((name) => ({ name: `uploads/${name}`, entry: parseEntry(name) }))
  const states = new Set(entries.flatMap(({ entry }) => (entry?.kind === "state" ? [entry.token] : [])))
  const lonely = entries.filter(({ entry }) => entry?.kind === "data" && !states.has(entry.token))
  const left = yield* Effect.filter(lonely, ({ name }) => isLeft(`${directory}/${name}`))
  return {
    open: states.size,
    left: left.map(({ name }) => name),
    foreign: entries.filter(({ entry }) => entry === undefined).map(({ name }) => name)
  }
})

export const lookAtIncoming = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const volume = yield* Volume
  const { command, program } = yield* Ourselves
  const now = yield* Clock.currentTimeMillis
  const names = (yield* orMissing(fs.readDirectory(directory))) ?? []
  const foreign = names.filter(
    (name) => parseIncoming(name) === undefined && name !== "uploads" && !name.startsWith(".")
  )
  const ageOf = (path: string) =>
    Effect.map(orMissing(volume.inspect(path)), (found) => found && now - Number(found.mtimeNs / 1_000_000n))
  const uploads = yield* lookAtUploads(directory, (path) =>
    Effect.map(ageOf(path), (age) => age !== undefined && age >= LEFT_MILLIS)
  )
  const left = [...uploads.left]
  let underWay = 0
  for (const name of names.filter((name) => parseIncoming(name) !== undefined)) {
    const age = yield* ageOf(`${directory}/${name}`)
    if (age === undefined) continue
    if (age >= LEFT_MILLIS) left.push(name)
    else underWay++
  }
  const restart = (yield* running) === "unmanaged" ? command("run") : `sudo systemctl restart ${program}`
  return [
    judgeIncoming({ left, underWay, open: uploads.open, foreign: [...foreign, ...uploads.foreign] }, directory, restart)
  ]
})

/** A file that was set aside, and whether its episode has been stored again since. */
export interface SetAside {
  readonly hostId: HostId
  readonly episodeId: EpisodeId
  readonly healed: boolean
}

export const judgeDamaged = (files: ReadonlyArray<SetAside>): Finding => {
  const sick = files.filter(({ healed }) => !healed)
  const [first] = sick
  if (first === undefined)
    return green(files.length === 0 ? "none" : `${counted(files.length, "file")} set aside, all stored again since`)
  const ids = sick.filter(({ hostId }) => hostId === first.hostId).map(({ episodeId }) => episodeId)
  return yellow(
    `${counted(sick.length, "episode")} set aside and not stored again: ${shown(sick.map(({ episodeId, hostId }) => `${hostId}/${episodeId}`))}`,
    elsewhere(first.hostId, `sudo cis490-shipper reship ${[...new Set(ids)].slice(0, SHOWN).join(" ")}`)
  )
}

const MOST = 1000

const setAsideOf = Effect.fnUntraced(function* (storeRoot: string, hostId: HostId) {
  const fs = yield* FileSystem.FileSystem
  const names = (yield* orMissing(fs.readDirectory(damagedDirectory(storeRoot, hostId)))) ?? []
  const ids = names
    .map((name) => parseStored(`${withoutSuffix(name.replace(/\.tar\.zst$/, ""))}.tar.zst`))
    .filter((id) => id !== undefined)
  return yield* Effect.forEach(ids.slice(0, MOST), (episodeId) =>
    Effect.map(
      isTaken(storedPath(storeRoot, { hostId, episodeId })),
      (healed): SetAside => ({ hostId, episodeId, healed })
    )
  )
})

export const lookAtDamaged = Effect.fnUntraced(function* (storeRoot: string) {
  const fs = yield* FileSystem.FileSystem
  const names = (yield* orMissing(fs.readDirectory(damagedRoot(storeRoot)))) ?? []
  const all = yield* Effect.forEach(names.filter(isHostId).toSorted(), (hostId) => setAsideOf(storeRoot, hostId))
  return [judgeDamaged(all.flat())]
})

export const damagedRoot = (storeRoot: string): string =>
  `${parentOf(storeRoot) === "/" ? "" : parentOf(storeRoot)}/damaged`

export const listDamaged = (storeRoot: string): string => `ls -lR ${word(damagedRoot(storeRoot))}`
