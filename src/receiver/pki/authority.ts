import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { DAY_MILLIS, formatTime } from "../../domain/time.ts"
import * as Durable from "../../durable.ts"
import { isTaken } from "../../presence.ts"
import { Authority, type Issuer, type RevocationList } from "../../services/Authority.ts"
import { Certificates } from "../../services/Certificates.ts"
import { Volume } from "../../services/Volume.ts"
import { type Paths, pathsIn } from "./layout.ts"

/** What was asked for is not to be done, and nothing was: says why and what to do instead. */
export class PkiRefused extends Schema.TaggedError<PkiRefused>()("PkiRefused", { message: Schema.String }) {}

/** A host whose clock is a little behind must not find its certificate of tomorrow. */
const HEAD_START_MILLIS = 3_600_000

/** The authority in a directory, held against a second one who writes there until the scope closes. */
export interface Held {
  readonly paths: Paths
  readonly issuer: Issuer
  /** Milliseconds since 1970. */
  readonly from: number
  readonly until: number
}

/** Makes the directories, each its owner's only, and keeps others out. */
const enter = Effect.fnUntraced(function* (directory: string) {
  const volume = yield* Volume
  const paths = pathsIn(directory)
  yield* Durable.makeDirectory(paths.issued)
  yield* volume.lock(paths.lock)
  return paths
})

/** A new authority, with its list of nobody revoked. Never replaces one. */
export const initialize = Effect.fnUntraced(function* (directory: string, days: number) {
  const authority = yield* Authority
  const paths = yield* enter(directory)
  if (yield* isTaken(paths.certificate)) {
    return yield* new PkiRefused({
      message: `there is an authority in ${directory} already; another one needs another --dir`
    })
  }
  const now = yield* Clock.currentTimeMillis
  const [from, until] = [now - HEAD_START_MILLIS, now + days * DAY_MILLIS]
  const key = yield* authority.newKey
  const name = `CIS490 lab ${formatTime(now).slice(0, 19)}`
  const certificate = yield* authority.root({ name, key, from, until })
  const nobody: RevocationList = { number: 1, from, until, revoked: [] }
  yield* Durable.write(paths.key, Redacted.value(key))
  yield* Durable.write(paths.revocations, yield* authority.revocationList({ certificate, key }, nobody))
  // A crash here leaves a key that has issued nothing: the next one replaces it.
  yield* Durable.write(paths.certificate, certificate)
  return { paths, from, until }
})

/** The authority that `initialize` has made, to be looked at. */
export const find = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const certificates = yield* Certificates
  const paths = pathsIn(directory)
  if (!(yield* isTaken(paths.certificate))) {
    return yield* new PkiRefused({
      message: `there is no authority in ${directory}: make one with \`cis490-receiver pki init\`, or say where it is with --dir`
    })
  }
  const certificate = yield* fs.readFileString(paths.certificate)
  const [own] = yield* certificates.read(certificate)
  return { paths, certificate, from: own?.from ?? 0, until: own?.until ?? 0 }
})

const OTHERS = 0o077

/** The authority that `initialize` has made, to issue and revoke. */
export const hold = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const volume = yield* Volume
  const { certificate, from, paths, until } = yield* find(directory)
  yield* enter(directory)
  if (until <= (yield* Clock.currentTimeMillis)) {
    return yield* new PkiRefused({ message: `the authority in ${directory} has expired: begin another one with --dir` })
  }
  if (((yield* volume.inspect(paths.key)).mode & OTHERS) !== 0) {
    yield* Effect.logWarning(`others may read ${paths.key}, and with it write as any host: chmod 600 ${paths.key}`)
  }
  const key = Redacted.make(yield* fs.readFileString(paths.key), { label: "key" })
  return { paths, issuer: { certificate, key }, from, until } satisfies Held
})

/** From when to when something that is issued now is valid: never beyond the authority itself. */
export const validity = (held: Held, now: number, days: number) => ({
  from: Math.max(held.from, now - HEAD_START_MILLIS),
  until: Math.min(held.until, now + days * DAY_MILLIS)
})
