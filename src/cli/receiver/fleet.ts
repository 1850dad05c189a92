/** From the settings to what the master needs. */
import { HostId } from "../../domain/names.ts"
import type { ReceiverSettings } from "../../domain/receiverSettings.ts"
import type { AgentAddress } from "../../receiver/master/Agents.ts"
import type { FleetFiles } from "../../receiver/master/readFleet.ts"
import { hostsDirectory } from "./root.ts"

const besideIndex = ({ paths }: ReceiverSettings, name: string): string => paths.index_path.replace(/[^/]*$/, name)

export const fleetFiles = (settings: ReceiverSettings): FleetFiles => ({
  hosts: hostsDirectory(settings),
  orders: besideIndex(settings, "fleet.db"),
  reports: besideIndex(settings, "fleet"),
  known: new Set(Object.keys(settings.fleet))
})

export const agentAddresses = ({ fleet }: ReceiverSettings): ReadonlyArray<AgentAddress> =>
  Object.entries(fleet).map(([hostId, { agent_token_file, agent_url, ca_bundle, client_cert, client_key }]) => ({
    hostId: HostId.make(hostId),
    url: agent_url,
    tokenFile: agent_token_file,
    tls: {
      verify_tls: true,
      ...(ca_bundle === undefined ? {} : { ca_bundle }),
      ...(client_cert === undefined ? {} : { client_cert }),
      ...(client_key === undefined ? {} : { client_key })
    }
  }))
