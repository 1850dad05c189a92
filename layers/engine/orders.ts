/** What is asked for, in Docker's words. */
import type { AttachmentOrder, ContainerOrder, NetworkOrder } from "../../src/services/Engine.ts"

export const networkBody = ({ gateway, internal, labels, name, subnet }: NetworkOrder) => ({
  Name: name,
  // Docker would take a name twice.
  CheckDuplicate: true,
  Driver: "bridge",
  Internal: internal,
  IPAM: { Driver: "default", Config: [{ Subnet: subnet, Gateway: gateway }] },
  Labels: labels
})

export const endpointBody = ({ address, alias }: AttachmentOrder) => ({
  IPAMConfig: { IPv4Address: address },
  Aliases: [alias]
})

export const containerBody = (order: ContainerOrder) => {
  const { attachment, command, environment, hostname, image, labels } = order
  const network = attachment?.networkId ?? "none"
  return {
    Image: image,
    Hostname: hostname,
    ...(command !== undefined && { Cmd: command }),
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    Labels: labels,
    HostConfig: {
      NetworkMode: network,
      // Nothing comes back by itself: not when it ends, not with the engine, not with the machine.
      RestartPolicy: { Name: "no" }
    },
    ...(attachment !== undefined && { NetworkingConfig: { EndpointsConfig: { [network]: endpointBody(attachment) } } })
  }
}
