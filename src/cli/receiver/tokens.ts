import * as Effect from "effect/Effect"
import type { ReceiverSettings } from "../../domain/receiverSettings.ts"
import type { Tokens } from "../../receiver/auth.ts"
import { readToken } from "../../token.ts"
import { configurationFault } from "../exit.ts"

/** A token file wins over the token beside it; one that is set and cannot be read keeps the receiver from opening without it. */
export const readTokens = Effect.fnUntraced(function* (auth: ReceiverSettings["auth"]) {
  const fromFile = (file: string | undefined) =>
    file === undefined ? Effect.undefined : Effect.catch(readToken(file), ({ message }) => configurationFault(message))
  const tokens: Tokens = {
    shared: (yield* fromFile(auth.bearer_token_file)) ?? auth.bearer_token,
    hosts: auth.hosts,
    admin: (yield* fromFile(auth.admin_token_file)) ?? auth.admin_token
  }
  return tokens
})
