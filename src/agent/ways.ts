/** From the settings to how the agent is reached, and whom it reaches. */
import * as Effect from "effect/Effect"
import type { AgentSettings } from "../domain/agentSettings.ts"
import { isLocal } from "../domain/listen.ts"
import { followTokens } from "../followTokens.ts"
import { readToken } from "../token.ts"

interface HasToken {
  readonly bearer_token?: AgentSettings["auth"]["bearer_token"]
  readonly bearer_token_file?: string
}

/** A token file wins over the token beside it. Read now. */
export const tokenOf = ({ bearer_token, bearer_token_file }: HasToken) =>
  bearer_token_file === undefined ? Effect.succeed(bearer_token) : readToken(bearer_token_file)

/** The token as it is now, also after its file was replaced. Fails when it cannot be read at the start. */
export const followedToken = ({ auth }: AgentSettings) =>
  followTokens(
    [auth.bearer_token_file].filter((file) => file !== undefined),
    tokenOf(auth)
  )

export const certificatesOf = ({ tls }: AgentSettings) =>
  tls.client_ca === undefined ? undefined : { names: tls.client_names }

/** Why the agent may not listen there, in words; `undefined` when it may. */
export const mayListen = (settings: AgentSettings): string | undefined => {
  const { auth, listen, tls } = settings
  const asks = auth.bearer_token !== undefined || auth.bearer_token_file !== undefined || tls.client_ca !== undefined
  return asks || isLocal(listen)
    ? undefined
    : `listen = "${listen}" can be reached from other machines, and nothing says who may give orders: set auth.bearer_token_file or tls.client_ca, or listen on 127.0.0.1 or unix:/path`
}
