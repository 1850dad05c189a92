/** Does what a plan says, one step after the other; a step that fails ends it. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { commandOf } from "../domain/topology/hydrated.ts"
import { objectName } from "../domain/topology/objects.ts"
import { formatAddress, gatewayOf, parseSubnet } from "../domain/topology/subnet.ts"
import { EngineHands, type EngineTrouble } from "../services/Engine.ts"
import { Host } from "./host.ts"
import { labelsFor } from "./ownership.ts"
import type { NewDecky, NewLan, Plan } from "./plan.ts"

/** A step of an order that failed. */
export class StepFailed extends Schema.TaggedError<StepFailed>()("StepFailed", {
  /** What was being done, and what the engine said. */
  message: Schema.String
}) {}

const step = <A>(what: string, call: Effect.Effect<A, EngineTrouble>): Effect.Effect<A, StepFailed> =>
  Effect.mapError(call, ({ message }) => new StepFailed({ message: `${what}: ${message}` }))

const nameOf = ({ owned }: NewLan | NewDecky): string => objectName(owned.topologyId, owned.name)

const createNetwork = Effect.fnUntraced(function* (wanted: NewLan) {
  const { hostId } = yield* Host
  const hands = yield* EngineHands
  const { is_dmz, subnet } = wanted.lan
  const range = parseSubnet(subnet)
  const name = nameOf(wanted)
  const order = {
    name,
    labels: labelsFor(hostId, wanted.owned),
    subnet,
    gateway: range === undefined ? "" : formatAddress(gatewayOf(range)),
    internal: !is_dmz
  }
  return yield* step(`creating the network ${name}`, hands.createNetwork(order))
})

/** `networkIds` by LAN. */
const createContainer = Effect.fnUntraced(function* (wanted: NewDecky, networkIds: ReadonlyMap<string, string>) {
  const { hostId } = yield* Host
  const hands = yield* EngineHands
  const { addresses, decky } = wanted
  const name = nameOf(wanted)
  const [first, ...others] = decky.networks.map(({ lan }) => ({
    lan,
    networkId: networkIds.get(lan) ?? "",
    address: addresses.get(lan) ?? "",
    alias: decky.name
  }))
  const command = commandOf(decky)
  const order = {
    name,
    labels: labelsFor(hostId, wanted.owned),
    image: decky.image,
    hostname: decky.name,
    environment: decky.env ?? {},
    ...(command !== undefined && { command }),
    ...(first !== undefined && { attachment: first })
  }
  const id = yield* step(`creating the container ${name}`, hands.createContainer(order))
  for (const attachment of others) {
    yield* step(`connecting the container ${name} to LAN ${attachment.lan}`, hands.connect(id, attachment))
  }
  return { id, name }
})

export const carryOut = Effect.fnUntraced(function* (plan: Plan) {
  const hands = yield* EngineHands
  for (const { id, name } of plan.removeContainers) {
    yield* step(`removing the container ${name}`, hands.removeContainer(id))
  }
  for (const { id, name } of plan.removeNetworks) {
    yield* step(`removing the network ${name}`, hands.removeNetwork(id))
  }
  const networkIds = new Map([...plan.keptNetworks].map(([lan, { id }]) => [lan, id]))
  for (const wanted of plan.createNetworks) networkIds.set(wanted.lan.name, yield* createNetwork(wanted))
  const created: Array<{ readonly id: string; readonly name: string }> = []
  for (const wanted of plan.createContainers) created.push(yield* createContainer(wanted, networkIds))
  for (const { id, name } of [...plan.start, ...created]) {
    yield* step(`starting the container ${name}`, hands.startContainer(id))
  }
})
