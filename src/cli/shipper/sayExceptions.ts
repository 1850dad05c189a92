/** What an operator should know about the way to the receiver before anything goes over it: said once, at the start. */
import * as Effect from "effect/Effect"
import type { ShipperSettings } from "../../domain/shipperSettings.ts"
import { Environment } from "../../services/Environment.ts"

const PROXY = /^(https?|all)_proxy$/i

export const sayExceptions = Effect.fnUntraced(function* ({ receiver }: ShipperSettings) {
  const { variables } = yield* Environment
  if (!receiver.verify_tls) {
    yield* Effect.logError(
      "receiver.verify_tls = false: the receiver's certificate is not checked, so whoever is on the way can pose as the receiver, read the token and the episodes, and have them taken for shipped"
    ).pipe(
      Effect.annotateLogs({
        mend: "set receiver.ca_bundle, and take verify_tls out of lab-host.toml, or CIS490_RECEIVER__VERIFY_TLS out of the environment"
      })
    )
  }
  const proxies = Object.keys(variables).filter((name) => PROXY.test(name) && variables[name] !== "")
  if (proxies.length > 0) {
    yield* Effect.logInfo("proxies in the environment are not used: the receiver is asked directly").pipe(
      Effect.annotateLogs({ variables: proxies.toSorted().join(", ") })
    )
  }
})
