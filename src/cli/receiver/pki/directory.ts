import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { isPlatformError, type PlatformError } from "effect/PlatformError"
import type { PkiRefused } from "../../../receiver/pki/authority.ts"
import type { AuthorityUnusable } from "../../../services/Authority.ts"
import type { NotPem } from "../../../services/Certificates.ts"
import { Identity } from "../../../services/Identity.ts"
import type { LockHeld } from "../../../services/Volume.ts"
import { wordsOf } from "../../../systemError.ts"
import { attention } from "../../exit.ts"

const DEFAULT_DIRECTORY = "/var/lib/cis490-receiver/pki"

/** `pki` itself: what each of its commands takes. */
export const pki = Command.make("pki").pipe(
  Command.withSharedFlags({
    dir: Flag.Path("dir").pipe(
      Flag.withDescription(`Where the authority is, its key included (${DEFAULT_DIRECTORY})`),
      Flag.filter(
        (path) => path.startsWith("/"),
        () => "an absolute path"
      ),
      Flag.withDefault(DEFAULT_DIRECTORY)
    )
  })
)

/** How long something that is made will be valid. */
export const days = (fallback: number) =>
  Flag.Int("days").pipe(
    Flag.withDescription(`How long it is valid (${fallback})`),
    Flag.filter(
      (days) => days >= 1 && days <= 36_500,
      () => "1 to 36500"
    ),
    Flag.withDefault(fallback)
  )

type Failure = PkiRefused | AuthorityUnusable | NotPem | LockHeld | PlatformError

/** What cannot be done is said in words. */
const inWords = (directory: string) => (error: Failure) => {
  if (isPlatformError(error)) return attention(wordsOf(error))
  switch (error._tag) {
    case "LockHeld":
      return attention(`another \`cis490-receiver pki\` is at work in ${directory}: pid ${error.pid ?? "unknown"}`)
    case "NotPem":
      return attention(`the authority in ${directory} cannot be used: a certificate ${error.why}`)
    case "AuthorityUnusable":
      return attention(`the authority in ${directory} cannot be used: ${error.message}`)
    case "PkiRefused":
      return attention(error.message)
  }
}

/** Works in the directory that the command line names. */
export const inDirectory = <A, R>(work: (directory: string) => Effect.Effect<A, Failure, R>) =>
  Effect.gen(function* () {
    const { dir } = yield* pki
    const directory = dir.replace(/(?<=.)\/+$/, "")
    yield* Effect.flatMap(Identity, (identity) => identity.actAsOwnerOf(directory))
    return yield* work(directory).pipe(Effect.scoped, Effect.catch(inWords(directory)))
  })
