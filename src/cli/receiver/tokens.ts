import * as Effect from "effect/Effect"
import type { ReceiverSettings } from "../../domain/receiverSettings.ts"
import { followTokens } from "../../followTokens.ts"
import type { Tokens } from "../../receiver/auth.ts"
import { readToken } from "../../token.ts"

/** A token file wins over the token beside it. */
const readTokens = Effect.fnUntraced(function* (auth: ReceiverSettings["auth"]) {
  const fromFile = (file: string | undefined) => (file === undefined ? Effect.undefined : readToken(file))
  const tokens: Tokens = {
    shared: (yield* fromFile(auth.bearer_token_file)) ?? auth.bearer_token,
    hosts: auth.hosts,
    admin: (yield* fromFile(auth.admin_token_file)) ?? auth.admin_token
  }
  return tokens
})

/** The tokens as they are now, also after a file was replaced. Fails when one that is set cannot be read at the start. */
export const configuredTokens = (auth: ReceiverSettings["auth"]) =>
  followTokens(
    [auth.bearer_token_file, auth.admin_token_file].filter((file) => file !== undefined),
    readTokens(auth)
  )
