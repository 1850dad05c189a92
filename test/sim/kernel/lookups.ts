/**
 * The lookup beside the index, as SQLite keeps it: what was applied survives the process; after a power cut it is what it was some
 * while ago, or nothing (write-ahead log, `synchronous = NORMAL`).
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import {
  type Change,
  type Coverage,
  type Entry,
  type LastLine,
  Lookup,
  LookupUnavailable
} from "../../../src/services/Lookup.ts"
import { Lookups } from "../../../src/services/Lookups.ts"
import type { Machine } from "./machine.ts"
import type { Process } from "./process.ts"

type Line = Entry & LastLine

interface State {
  /** By `host/episode`. */
  readonly lines: ReadonlyMap<string, Line>
  readonly coverage: Coverage | undefined
}

const EMPTY: State = { lines: new Map(), coverage: undefined }
/** States that a power cut may bring back. */
const REMEMBERED = 8

/** What was committed, oldest first; the last counts. */
type File = Array<State>

const files = new WeakMap<Machine, Map<string, File>>()

const fileAt = (machine: Machine, path: string): File => {
  const ofMachine = files.get(machine) ?? new Map<string, File>()
  files.set(machine, ofMachine)
  const file = ofMachine.get(path) ?? [EMPTY]
  ofMachine.set(path, file)
  return file
}

const unavailable = (code: string): LookupUnavailable =>
  new LookupUnavailable({ message: `the lookup beside the index: ${code}`, full: code === "ENOSPC" })

const changed = (lines: ReadonlyMap<string, Line>, changes: ReadonlyArray<Change>): ReadonlyMap<string, Line> => {
  const next = new Map(lines)
  for (const { episodeId, hostId, place, stands } of changes) {
    next.set(`${hostId}/${episodeId}`, { hostId, episodeId, ...place, stands })
  }
  return next
}

const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)
const byName = (a: Pick<Entry, "hostId" | "episodeId">, b: Pick<Entry, "hostId" | "episodeId">): number =>
  compare(a.hostId, b.hostId) || compare(a.episodeId, b.episodeId)

const makeLookup = (process: Process, file: File): Lookup["Service"] => {
  /** Gathered since it was cleared, to count once it is settled. */
  let building: State | undefined

  const state = (): State => file.at(-1) ?? EMPTY
  const commit = (next: State): void => {
    file.push(next)
    if (file.length > REMEMBERED) file.shift()
  }
  const call = <A>(method: string, mutates: boolean, perform: () => A) =>
    process.call({ service: "lookup", method, target: "", mutates }, () => Exit.succeed(perform()), unavailable)
  const lineOf = (line: Line | undefined) => line && { offset: line.offset, length: line.length, stands: line.stands }
  const standing = (): ReadonlyArray<Entry> => [...state().lines.values()].filter(({ stands }) => stands)

  return {
    coverage: call("coverage", false, () => state().coverage),
    find: (hostId, episodeId) => Effect.sync(() => lineOf(state().lines.get(`${hostId}/${episodeId}`))),
    page: (after, limit) =>
      Effect.sync(() =>
        standing()
          .filter((entry) => after === undefined || byName(entry, after) > 0)
          .toSorted(byName)
          .slice(0, limit)
      ),
    count: Effect.sync(() => standing().length),
    apply: (changes, coverage) =>
      call("apply", true, () => {
        const next = { lines: changed((building ?? state()).lines, changes), coverage }
        if (building === undefined) commit(next)
        else building = next
      }),
    clear: call("clear", true, () => {
      building = EMPTY
      commit(EMPTY)
    }),
    settle: call("settle", true, () => {
      if (building !== undefined) commit(building)
      building = undefined
    })
  }
}

/** Loses the last of what was committed, as chance has it. */
const forget = (process: Process, file: File): void => {
  file.length = process.random.fork("lookup").int(file.length + 1)
}

const layerBeside = (process: Process, indexPath: string): Layer.Layer<Lookup> =>
  Layer.sync(Lookup, () => {
    const file = fileAt(process.machine, indexPath)
    process.atEnd(({ _tag }) => {
      if (_tag === "PowerCut") forget(process, file)
    })
    return makeLookup(process, file)
  })

export const layerLookups = (process: Process): Layer.Layer<Lookups> =>
  Layer.succeed(Lookups, {
    beside: (indexPath) => layerBeside(process, indexPath),
    temporary: Layer.sync(Lookup, () => makeLookup(process, []))
  })
