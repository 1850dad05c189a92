import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Durable from "../../durable.ts"
import { Authority } from "../../services/Authority.ts"
import { type Held, PkiRefused } from "./authority.ts"
import { list, readRevocations } from "./list.ts"

/** Puts what is still valid of that name, or under that serial, on the list; gives what is new there. */
export const revoke = Effect.fnUntraced(function* (held: Held, nameOrSerial: string) {
  const authority = yield* Authority
  const entries = (yield* list(held.paths)).filter(({ name, serial }) => [name, serial].includes(nameOrSerial))
  const valid = entries.filter(({ state }) => state === "valid")
  if (valid.length === 0) {
    const why = entries.length === 0 ? "was never issued here" : "has no certificate that is still valid"
    return yield* new PkiRefused({
      message: `${nameOrSerial} ${why}; \`cis490-receiver pki list\` shows what was issued`
    })
  }
  const now = yield* Clock.currentTimeMillis
  const before = yield* readRevocations(held.paths)
  const revocations = yield* authority.revocationList(held.issuer, {
    number: before.number + 1,
    from: now,
    until: held.until,
    revoked: [...before.revoked, ...valid.map(({ serial }) => ({ serial, at: now }))]
  })
  yield* Durable.write(held.paths.revocations, revocations)
  return valid
})
