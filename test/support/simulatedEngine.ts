/** A container engine in memory, which does what Docker does of what we ask, and fails when it is told to. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  type AttachmentOrder,
  type Container,
  type ContainerOrder,
  Engine,
  EngineHands,
  EngineTrouble,
  type Network,
  type NetworkOrder
} from "../../src/services/Engine.ts"

export interface Call {
  readonly what: string
  readonly changes: boolean
}

/** What happens to a call: it is done, it is refused, nobody answers, or it is done and the answer is lost. */
export type Fate = "done" | "refused" | "away" | "lost"

const refused = (message: string): EngineTrouble => new EngineTrouble({ why: "refused", message })

export const makeSimulatedEngine = () => {
  const networks = new Map<string, Network>()
  const containers = new Map<string, Container>()
  const images = new Set(["lab/busybox:1"])
  const calls: Array<Call> = []
  const control = {
    /** Asked before each call; `n` counts from 1. */
    fate: (_n: number, _call: Call): Fate => "done",
    /** Runs before each call. */
    before: Effect.void as Effect.Effect<void>
  }
  let ids = 0
  const newId = (): string => `${String(++ids).padStart(12, "0")}${"e".repeat(52)}`

  const call = <A>(what: string, changes: boolean, work: () => A): Effect.Effect<A, EngineTrouble> =>
    Effect.andThen(
      Effect.suspend(() => control.before),
      Effect.suspend((): Effect.Effect<A, EngineTrouble> => {
        const made = { what, changes }
        calls.push(made)
        const fate = control.fate(calls.length, made)
        if (fate === "away") return Effect.fail(new EngineTrouble({ why: "away", message: "no engine answers" }))
        if (fate === "refused") return Effect.fail(refused(`${what} is refused`))
        try {
          const result = work()
          return fate === "lost"
            ? Effect.fail(new EngineTrouble({ why: "unclear", message: "the engine did not answer in time" }))
            : Effect.succeed(result)
        } catch (thrown) {
          return thrown instanceof EngineTrouble ? Effect.fail(thrown) : Effect.die(thrown)
        }
      })
    )

  const attach = (container: Container, { address, networkId }: AttachmentOrder): void => {
    if (!networks.has(networkId)) throw refused(`network ${networkId} not found`)
    const taken = [...containers.values()].some(({ attachments }) =>
      attachments.some((other) => other.networkId === networkId && other.address === address)
    )
    if (taken) throw refused("Address already in use")
    containers.set(container.id, {
      ...container,
      attachments: [...container.attachments, { networkId, address }]
    })
  }

  const createNetwork = ({ labels, name, subnet }: NetworkOrder): string => {
    if ([...networks.values()].some((other) => other.name === name)) throw refused(`network ${name} already exists`)
    if ([...networks.values()].some(({ subnets }) => subnets.includes(subnet))) throw refused("Pool overlaps")
    const id = newId()
    networks.set(id, { id, name, labels, subnets: [subnet] })
    return id
  }

  const createContainer = ({ attachment, image, labels, name }: ContainerOrder): string => {
    if ([...containers.values()].some((other) => other.name === name)) throw refused(`the name ${name} is in use`)
    if (!images.has(image)) throw refused(`No such image: ${image}`)
    const container: Container = { id: newId(), name, labels, image, state: "created", attachments: [] }
    containers.set(container.id, container)
    if (attachment !== undefined) attach(container, attachment)
    return container.id
  }

  const the = (id: string): Container => {
    const found = containers.get(id)
    if (found === undefined) throw refused(`No such container: ${id}`)
    return found
  }

  const removeNetwork = (id: string): void => {
    const used = [...containers.values()].some(
      ({ attachments, state }) => state === "running" && attachments.some(({ networkId }) => networkId === id)
    )
    if (used) throw refused("network has active endpoints")
    networks.delete(id)
  }

  const eyes: Engine["Service"] = {
    networks: call("networks", false, () => [...networks.values()]),
    containers: call("containers", false, () => [...containers.values()]),
    hasImage: (reference) => call(`image ${reference}`, false, () => images.has(reference)),
    version: call("version", false, () => "simulated")
  }
  const hands: EngineHands["Service"] = {
    createNetwork: (order) => call(`create network ${order.name}`, true, () => createNetwork(order)),
    removeNetwork: (id) => call(`remove network ${networks.get(id)?.name}`, true, () => removeNetwork(id)),
    createContainer: (order) => call(`create container ${order.name}`, true, () => createContainer(order)),
    connect: (id, attachment) => call(`connect ${containers.get(id)?.name}`, true, () => attach(the(id), attachment)),
    startContainer: (id) =>
      call(`start ${containers.get(id)?.name}`, true, () => void containers.set(id, { ...the(id), state: "running" })),
    removeContainer: (id) =>
      call(`remove container ${containers.get(id)?.name}`, true, () => void containers.delete(id))
  }

  return {
    networks,
    containers,
    images,
    calls,
    control,
    /** What changed something, since the last time this was asked. */
    changes: (): ReadonlyArray<string> => {
      const made = calls.filter(({ changes }) => changes).map(({ what }) => what)
      calls.length = 0
      return made
    },
    /** Someone else's, or something done behind the agent's back. */
    addNetwork: (network: Omit<Network, "id">): string => {
      const id = newId()
      networks.set(id, { ...network, id })
      return id
    },
    addContainer: (container: Omit<Container, "id">): string => {
      const id = newId()
      containers.set(id, { ...container, id })
      return id
    },
    byName: (name: string): Container | undefined => [...containers.values()].find((each) => each.name === name),
    layer: Layer.merge(Layer.succeed(Engine, eyes), Layer.succeed(EngineHands, hands))
  }
}
export type SimulatedEngine = ReturnType<typeof makeSimulatedEngine>
