import { parseListen } from "../../domain/listen.ts"
import { parseNetwork } from "../../domain/network.ts"
import type { ReceiverSettings } from "../../domain/receiverSettings.ts"
import type { Connections } from "../../receiver/auth.ts"

type Settings = Pick<ReceiverSettings, "listen" | "proxy" | "tls">

/** How clients show who they are, beside tokens. */
export const connectionsOf = ({ proxy, tls }: Settings): Connections => ({
  certificates: tls.client_ca !== undefined,
  ...(proxy.identity_header === undefined
    ? {}
    : {
        proxy: {
          header: proxy.identity_header.toLowerCase(),
          trusted: (proxy.trusted_peers ?? []).map(parseNetwork).filter((network) => network !== undefined)
        }
      })
})

/** Why the keys do not go together, in words. */
export const contradiction = ({ listen, proxy }: Settings): string | undefined =>
  proxy.identity_header === undefined || proxy.trusted_peers !== undefined || parseListen(listen)?._tag === "Unix"
    ? undefined
    : `proxy.identity_header = "${proxy.identity_header}" would be believed from nobody: set proxy.trusted_peers to the proxy's addresses, or listen on unix:/path`
