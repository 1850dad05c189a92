import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { Authority, type Revoked } from "../../services/Authority.ts"
import { Certificates } from "../../services/Certificates.ts"
import { type Holder, issuedPath, type Paths, parseIssued } from "./layout.ts"

export interface Entry extends Holder {
  readonly serial: string
  /** Milliseconds since 1970. */
  readonly until: number
  readonly state: "valid" | "expired" | "revoked"
}

const stateOf = (serial: string, until: number, revoked: ReadonlyArray<Revoked>, now: number): Entry["state"] => {
  if (revoked.some((entry) => entry.serial === serial)) return "revoked"
  return until <= now ? "expired" : "valid"
}

/** The list that is in use: the truth about what is revoked. */
export const readRevocations = Effect.fnUntraced(function* (paths: Paths) {
  const fs = yield* FileSystem.FileSystem
  const authority = yield* Authority
  return yield* authority.readRevocationList(yield* fs.readFileString(paths.revocations))
})

/** Everything that was ever issued, by name, the latest first. */
export const list = Effect.fnUntraced(function* (paths: Paths) {
  const fs = yield* FileSystem.FileSystem
  const certificates = yield* Certificates
  const { revoked } = yield* readRevocations(paths)
  const now = yield* Clock.currentTimeMillis
  const files = yield* fs.readDirectory(paths.issued)
  const found = files.flatMap((file) => parseIssued(file) ?? [])
  const entries = yield* Effect.forEach(
    found,
    Effect.fnUntraced(function* ({ serial, ...holder }: (typeof found)[number]) {
      const [certificate] = yield* certificates.read(yield* fs.readFileString(issuedPath(paths, holder, serial)))
      const until = certificate?.until ?? 0
      return { ...holder, serial, until, state: stateOf(serial, until, revoked, now) } satisfies Entry
    })
  )
  return entries.toSorted((a, b) => (a.name === b.name ? b.until - a.until : a.name < b.name ? -1 : 1))
})
