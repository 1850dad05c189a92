/** What Docker lists, in our words. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Container, EngineTrouble, type Network } from "../../src/services/Engine.ts"

const perhaps = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))
const Labels = perhaps(Schema.Record(Schema.String, Schema.String))

const Networks = Schema.Array(
  Schema.Struct({
    Id: Schema.String,
    Name: Schema.String,
    Labels,
    IPAM: perhaps(
      Schema.Struct({ Config: perhaps(Schema.Array(Schema.Struct({ Subnet: Schema.optionalKey(Schema.String) }))) })
    )
  })
)

const Endpoint = Schema.Struct({
  NetworkID: Schema.String,
  IPAddress: perhaps(Schema.String),
  /** What it was asked for with: there while the container does not run, too. */
  IPAMConfig: perhaps(Schema.Struct({ IPv4Address: Schema.optionalKey(Schema.String) }))
})

const Containers = Schema.Array(
  Schema.Struct({
    Id: Schema.String,
    /** Null for one that is dead. */
    Names: perhaps(Schema.Array(Schema.String)),
    Image: Schema.String,
    State: Schema.String,
    Labels,
    NetworkSettings: perhaps(
      Schema.Struct({ Networks: perhaps(Schema.Record(Schema.String, Schema.NullOr(Endpoint))) })
    )
  })
)

const understood = <S extends Schema.Codec<unknown, unknown>>(schema: S) => {
  const decode = Schema.decodeUnknownEffect(schema)
  return (body: unknown): Effect.Effect<S["Type"], EngineTrouble> =>
    Effect.mapError(
      decode(body),
      ({ message }) => new EngineTrouble({ why: "away", message: `what answers is no Docker engine: ${message}` })
    )
}

const decodeNetworks = understood(Networks)
const decodeContainers = understood(Containers)

export const networksIn = (body: unknown): Effect.Effect<ReadonlyArray<Network>, EngineTrouble> =>
  Effect.map(decodeNetworks(body), (networks) =>
    networks.map(({ IPAM, Id, Labels, Name }) => ({
      id: Id,
      name: Name,
      labels: Labels ?? {},
      subnets: (IPAM?.Config ?? []).map(({ Subnet }) => Subnet).filter((subnet) => subnet !== undefined)
    }))
  )

const addressIn = ({ IPAMConfig, IPAddress }: typeof Endpoint.Type): { readonly address?: string } => {
  const address = IPAMConfig?.IPv4Address ?? IPAddress ?? ""
  return address === "" ? {} : { address }
}

/** What Docker lists for a container that is on no network at all. */
const NO_NETWORK = "none"

export const containersIn = (body: unknown): Effect.Effect<ReadonlyArray<Container>, EngineTrouble> =>
  Effect.map(decodeContainers(body), (containers) =>
    containers.map(({ Id, Image, Labels, Names, NetworkSettings, State }) => ({
      id: Id,
      // A name that a link gives it has another container's name before it.
      name: (Names?.find((name) => name.lastIndexOf("/") === 0) ?? "").slice(1),
      labels: Labels ?? {},
      image: Image,
      state: State,
      attachments: Object.entries(NetworkSettings?.Networks ?? {}).flatMap(([network, endpoint]) =>
        network === NO_NETWORK || endpoint === null ? [] : [{ networkId: endpoint.NetworkID, ...addressIn(endpoint) }]
      )
    }))
  )
