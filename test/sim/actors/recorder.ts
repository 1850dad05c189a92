/** Records an episode, file by file, as an experiment goes on; dies with its machine. */
import { contentOfFiles } from "../checks/content.ts"
import { DATA_ROOT, DONE_MARKER, EPISODES } from "../checks/places.ts"
import { commitAt, OLD_COMMIT } from "../plan/commits.ts"
import { type Recording, record } from "../plan/content.ts"
import type { EpisodeKind, EpisodePlan } from "../plan/plan.ts"
import { attempt, makeDirectories, removeAll, syncPath, writeFile, writeFileDurably } from "./hands.ts"
import type { Stage } from "./stage.ts"

const BETWEEN_MILLIS = 7
/** A careless one leaves it to the system when it is written; some time later it has been. */
const UNSYNCED_MILLIS = 4000
const AGAIN_MILLIS = 1000

const STAMPLESS: ReadonlySet<EpisodeKind> = new Set(["unstamped", "malformedCommit"])

const contentOf = ({ files, links, marker }: Recording): string =>
  contentOfFiles(
    [...files, ...(marker === undefined ? [] : [{ path: DONE_MARKER, bytes: marker }])],
    links.map(({ path }) => path)
  )

export const startRecorder = (stage: Stage, host: string, episode: EpisodePlan): void => {
  const { ledger, world } = stage
  const { careful, id, kind } = episode
  const machine = stage.machineOf(host)
  const { disk } = machine
  const top = `${EPISODES}/${id}`
  const note = (text: string): void => world.note(`${host}/recorder`, text)

  const begin = (): void => {
    // It waits for its machine, and for the directories that an installation makes.
    if (!machine.on || disk.current().stat(EPISODES) === undefined) return void world.after(AGAIN_MILLIS, begin)
    if (disk.current().stat(top) !== undefined) return note(`finds ${id} taken`)
    const run = ledger.begin(host, id)
    const recording = record(host, episode, commitAt(stage.head()), run)
    const content = contentOf(recording)
    const commit = kind === "oldCommit" ? OLD_COMMIT : STAMPLESS.has(kind) ? undefined : commitAt(stage.head())
    const bornAt = machine.bootedAt
    ledger.announce(content)

    const write = careful ? writeFileDurably : writeFile
    const syncFiles = (): void => {
      for (const { path } of recording.files) syncPath(disk, `${top}/${path}`)
      for (const path of recording.directories) syncPath(disk, `${top}/${path}`)
      syncPath(disk, top)
      syncPath(disk, EPISODES)
    }
    const mark = (): void => {
      if (recording.marker === undefined) return
      // Never half a marker: it is made beside and renamed.
      write(disk, `${DATA_ROOT}/.${id}.marker`, recording.marker)
      disk.rename(`${DATA_ROOT}/.${id}.marker`, `${top}/${DONE_MARKER}`)
    }
    const finish = (): void => {
      syncFiles()
      if (recording.marker !== undefined) syncPath(disk, `${top}/${DONE_MARKER}`)
      if (recording.marker !== undefined) note(`finished ${id}`)
      ledger.finish({
        host,
        id,
        run,
        kind,
        content,
        commit,
        finishedAt: world.now(),
        changed: false,
        manifest: recording.marker !== undefined && recording.marker.length > 0
      })
      stage.disturbed(machine)
    }
    const steps: ReadonlyArray<readonly [number, () => void]> = [
      [0, () => (careful ? makeDirectories(disk, top) : disk.mkdir(top))],
      ...recording.directories.map((path) => [BETWEEN_MILLIS, () => disk.mkdir(`${top}/${path}`)] as const),
      ...recording.files.map(
        ({ bytes, mode, path }) => [BETWEEN_MILLIS, () => write(disk, `${top}/${path}`, bytes, mode)] as const
      ),
      ...recording.links.map(({ path, target }) => [0, () => disk.symlink(target, `${top}/${path}`)] as const),
      [BETWEEN_MILLIS, careful ? syncFiles : () => undefined],
      [0, mark],
      [careful ? BETWEEN_MILLIS : UNSYNCED_MILLIS, finish]
    ]
    const go = (index: number): void => {
      const [, act] = steps[index] ?? []
      if (act === undefined) return
      // The power went, or the disk is full, or somebody took it away: it stays as it is.
      if (!machine.on || machine.bootedAt !== bornAt || ledger.runs(host, id) !== run + 1 || !attempt(act))
        return note(`gives up ${id}`)
      const [pause] = steps[index + 1] ?? [0]
      world.after(pause, () => go(index + 1))
    }
    note(`records ${id} (${kind}${run === 0 ? "" : `, again`})`)
    if (!careful) ledger.disturb(host, id)
    go(0)
  }
  begin()
}

/** The experiment is run again: what was there under the id is taken away. */
export const recordAgain = (stage: Stage, host: string, episode: EpisodePlan): void => {
  const machine = stage.machineOf(host)
  const top = `${EPISODES}/${episode.id}`
  if (!machine.on || machine.disk.current().stat(EPISODES) === undefined) return
  // Nothing to run again yet.
  if (stage.ledger.runs(host, episode.id) === 0) return
  if (machine.disk.current().stat(top) !== undefined) {
    stage.forfeitAt(host, top, "recorded over")
    attempt(() => removeAll(machine.disk, top))
    stage.written(host, episode.id)
  }
  startRecorder(stage, host, { ...episode, kind: "good", careful: true })
}
