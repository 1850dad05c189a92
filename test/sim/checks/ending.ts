/** How it must stand once everything works again and time has passed. */
import { expected } from "../plan/expected.ts"
import { machinesOf, type Scene } from "./check.ts"
import { makeIndexReader, type Row } from "./dataset.ts"
import type { Entry } from "./ledger.ts"
import {
  DONE_MARKER,
  EPISODES,
  INCOMING,
  OUTBOX,
  QUARANTINE,
  REASON_FILE,
  SHIPPED,
  STORE,
  storedPath,
  TARBALL,
  UPLOADS,
  withoutSuffix
} from "./places.ts"
import { storedFiles } from "./stored.ts"
import { Violation } from "./violation.ts"

const NEVER_OURS = new Set(["uploads"])
const decoder = new TextDecoder()

/** Where an entry has come to rest. */
export type Rest =
  | { readonly _tag: "Shipped" }
  | { readonly _tag: "Held" }
  | { readonly _tag: "Untouched" }
  | { readonly _tag: "Quarantined"; readonly reason: string; readonly status: number }
  /** In `shipped/`; the receiver has lost its copy, and nobody asked since. */
  | { readonly _tag: "Bereft" }
  | { readonly _tag: "Restless"; readonly where: string }

const nothing: ReadonlyArray<string> = []

export const makeEnding = (scene: Scene) => {
  const rows = makeIndexReader()
  const { central, ledger, plan } = scene
  const gate = plan.receiver.gate

  const reasonIn = (host: string, path: string): { reason: string; status_code: number } | undefined => {
    const bytes = scene.hosts.get(host)?.disk.current().read(`${path}/${REASON_FILE}`)
    return bytes === undefined ? undefined : JSON.parse(decoder.decode(bytes))
  }

  /** Every directory of the host that holds the content. */
  const placesOf = ({ content, host }: Entry): ReadonlyArray<string> => {
    const machine = scene.hosts.get(host)
    if (machine === undefined) return nothing
    const view = machine.disk.current()
    const reader = scene.readers(machine).current
    return [EPISODES, SHIPPED, QUARANTINE].flatMap((directory) =>
      (view.list(directory) ?? [])
        .map((name) => `${directory}/${name}`)
        .filter((path) => reader.ofDirectory(view, path) === content)
    )
  }
  const storedOf = ({ content, host }: Entry): ReadonlyArray<string> => {
    const view = central.disk.current()
    const reader = scene.readers(central).current
    return (view.list(`${STORE}/${host}`) ?? nothing)
      .map((name) => `${STORE}/${host}/${name}`)
      .filter((path) => reader.ofTarball(view, path) === content)
  }

  const restOf = (entry: Entry): Rest => {
    const places = placesOf(entry)
    const view = scene.hosts.get(entry.host)?.disk.current()
    const [place, ...more] = places
    if (more.length > 0) return { _tag: "Restless", where: `in ${places.join(" and ")}` }
    const isStored = storedOf(entry).length > 0
    if (place === undefined) return isStored ? { _tag: "Shipped" } : { _tag: "Restless", where: "nowhere" }
    if (place.startsWith(SHIPPED) && isStored) return { _tag: "Shipped" }
    if (place.startsWith(SHIPPED)) return { _tag: "Bereft" }
    if (place.startsWith(QUARANTINE)) {
      const reason = reasonIn(entry.host, place)
      return { _tag: "Quarantined", reason: reason?.reason ?? "none", status: reason?.status_code ?? 0 }
    }
    const name = place.slice(EPISODES.length + 1)
    if (view?.stat(`${place}/${DONE_MARKER}`) === undefined) return { _tag: "Untouched" }
    if (view.stat(`${OUTBOX}/${name}.conflict.json`) !== undefined) return { _tag: "Held" }
    return { _tag: "Restless", where: `waiting in ${place}` }
  }

  /** Somebody else's content stands under its name. */
  const isRivalled = ({ content, host, id }: Entry): boolean => {
    const view = central.disk.current()
    const found = scene.readers(central).current.ofTarball(view, storedPath(host, id))
    return found === undefined ? ledger.isLost(host, id) : found !== content
  }

  const isJust = (entry: Entry, rest: Rest): boolean => {
    const { changed, host, id, kind } = entry
    const endings = gate ? expected[kind].gateOn : expected[kind].gateOff
    const mayShip = endings.includes("shipped")
    switch (rest._tag) {
      case "Shipped":
        return mayShip
      case "Untouched":
        return endings.includes("untouched")
      case "Held":
        return isRivalled(entry)
      case "Quarantined":
        // Whether the reason is just was seen when it was given.
        return (
          endings.some((ending) => ending === rest.reason) ||
          (changed && rest.reason === "unpackable") ||
          rest.reason === "conflict" ||
          (rest.reason === "out_of_window" && gate) ||
          rest.reason === "damaged" ||
          (ledger.isDisturbed(host, id) && rest.reason !== "none")
        )
      case "Bereft":
        return ledger.isLost(host, id)
      case "Restless":
        return false
    }
  }

  const verifyEntries = (): void => {
    for (const entry of ledger.owed()) {
      const rest = restOf(entry)
      if (isJust(entry, rest)) continue
      throw new Violation(
        "everything comes to its place",
        `${entry.host}/${entry.id} (run ${entry.run}, ${entry.kind}) is ${JSON.stringify(rest)}`
      )
    }
  }

  const verifyDataset = (): void => {
    const view = central.disk.current()
    const { standing } = rows(view)
    const seen = new Map<string, Row>()
    for (const row of standing) {
      const name = `${row.host_id}/${row.episode_id}`
      const before = seen.get(name)
      if (before !== undefined && (before.sha256 === row.sha256 || before.content_sha256 !== row.content_sha256)) {
        throw new Violation("one file, one row", `${name} has two rows`)
      }
      seen.set(name, row)
      if (
        view.stat(storedPath(row.host_id, row.episode_id))?.size !== row.bytes &&
        !ledger.isLost(row.host_id, row.episode_id)
      ) {
        throw new Violation("one file, one row", `${name} has a row, and no file of that size`)
      }
    }
    for (const { host, id, path } of storedFiles((directory) => view.list(directory))) {
      const row = seen.get(`${host}/${id}`)
      const content = scene.readers(central).current.ofTarball(view, path)
      if (row === undefined) throw new Violation("one file, one row", `${path} has no row`)
      if (row.content_sha256 !== content) throw new Violation("one file, one row", `${path} is not what its row says`)
      if (!ledger.isKnown(content ?? "") && !ledger.isDisturbed(host, id))
        throw new Violation("only what was recorded is stored", `${path} is no recorder's`)
    }
  }

  const leftInIncoming = (): ReadonlyArray<string> =>
    (central.disk.current().list(INCOMING) ?? nothing).filter((name) => !NEVER_OURS.has(name))

  const openUploads = (): ReadonlyArray<string> => central.disk.current().list(UPLOADS) ?? nothing

  const verifyNoOrphans = (): void => {
    const left = leftInIncoming()
    if (left.length > 0) throw new Violation("nothing is left behind", `${left.join(", ")} in incoming/`)
    for (const machine of machinesOf(scene)) {
      const view = machine.disk.current()
      for (const name of view.list(OUTBOX) ?? nothing) {
        const id = withoutSuffix(name.replace(/\.(tar\.zst|tar\.zst\.partial|conflict\.json|upload\.json)$/, ""))
        const orphan = name.endsWith(".upload.json") && view.stat(`${OUTBOX}/${id}${TARBALL}`) === undefined
        if (view.stat(`${EPISODES}/${id}`) === undefined || name.endsWith(".partial") || orphan) {
          throw new Violation("nothing is left behind", `${machine.name} has ${name} in outbox/`)
        }
      }
    }
  }

  return {
    restOf,
    leftInIncoming,
    openUploads,
    verifyExpired: (): void => {
      const left = openUploads()
      if (left.length > 0) throw new Violation("what is given up goes", `${left.join(", ")} in incoming/uploads/`)
    },
    hasRow: (host: string, id: string): boolean =>
      rows(central.disk.current()).standing.some((row) => row.host_id === host && row.episode_id === id),
    /** Whether waiting longer may still change something. */
    isAtRest: (): boolean => ledger.owed().every((entry) => isJust(entry, restOf(entry))),
    verify: (): void => {
      verifyEntries()
      verifyDataset()
      verifyNoOrphans()
    }
  }
}
