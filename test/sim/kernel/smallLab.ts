/** A receiver and a few hosts with finished episodes: enough to see that programs run. */
import { Disk } from "../disk/disk.ts"
import { makeNetwork, type Network, type NetworkOptions } from "../network/network.ts"
import type { Decide } from "./call.ts"
import { type Machine, makeMachine } from "./machine.ts"
import { type Running, start } from "./program.ts"
import { makeRandom } from "./random.ts"
import { makeWorld } from "./world.ts"

const MiB = 1024 * 1024
const LINK = { latencyMillis: 1, bytesPerSecond: 10 * MiB }
const QUICK = { latencyMillis: 0.1 }
export const DATA = "/var/lib/cis490/data"
export const STORE = "/var/lib/cis490-receiver/store"
export const COMMIT = "0123456789abcdef0123456789abcdef01234567"

export const put = (disk: Disk, path: string, text: string): void => {
  const directories = path.split("/").slice(1, -1)
  for (const [index] of directories.entries()) {
    const directory = `/${directories.slice(0, index + 1).join("/")}`
    if (disk.current().stat(directory) === undefined) disk.mkdir(directory, 0o777)
  }
  const file = disk.open(path, { write: true, create: true, truncate: true })
  disk.write(file, new TextEncoder().encode(text), 0)
  disk.close(file)
}

const RECEIVER = `listen = "0.0.0.0:8490"
[paths]
store_root = "${STORE}"
[auth]
bearer_token = "of-all-hosts"
[version_gate]
`
const shipper = (name: string): string => `host_id = "${name}"
[receiver]
url = "http://receiver:8490"
bearer_token = "of-all-hosts"
`

export interface SmallLab {
  readonly world: ReturnType<typeof makeWorld>
  readonly network: Network
  readonly receiver: Machine
  readonly hosts: ReadonlyArray<Machine>
  readonly start: (machine: Machine) => Running
  /** Starts it again whenever it has ended. */
  readonly keepRunning: (machine: Machine) => void
  readonly runFor: (millis: number) => void
}

export interface SmallLabOptions {
  readonly seed: number
  /** The whole of `version_gate` in the receiver's configuration; off if not said. */
  readonly gate?: string
  readonly hosts: number
  readonly episodes: number
  readonly decide?: Decide
  readonly passage?: NetworkOptions["decide"]
}

export const makeSmallLab = (options: SmallLabOptions): SmallLab => {
  const world = makeWorld()
  const random = makeRandom(options.seed)
  const network = makeNetwork(world, { link: () => LINK, decide: options.passage ?? (() => ({})) })
  const machine = (name: string): Machine => {
    const made = makeMachine(world, {
      name,
      random: random.fork(name),
      decide: options.decide ?? (() => QUICK),
      disk: (now) => new Disk({ capacityBytes: 10_240 * MiB, now })
    })
    network.attach(made)
    return made
  }
  const host = (name: string): Machine => {
    const made = machine(name)
    put(made.disk, "/etc/cis490/lab-host.toml", shipper(name))
    for (let n = 1; n <= options.episodes; n++) {
      const directory = `${DATA}/episodes/E${n}`
      put(made.disk, `${directory}/meta.json`, JSON.stringify({ code_version: { commit: COMMIT }, n }))
      put(made.disk, `${directory}/events.jsonl`, `{"event":${random.fork(`${name} ${n}`).int(1000)}}\n`)
      put(made.disk, `${directory}/labels.jsonl`, "")
      put(made.disk, `${directory}/telemetry-proc.jsonl`, "")
      put(made.disk, `${directory}/done.marker`, "")
    }
    return made
  }
  const receiver = machine("receiver")
  put(receiver.disk, "/etc/cis490/receiver.toml", RECEIVER + (options.gate ?? "enabled = false\n"))
  put(receiver.disk, "/var/lib/cis490-receiver/note", "")
  const hosts = Array.from({ length: options.hosts }, (_, index) => host(`lab-${index + 1}`))
  for (const { disk } of [receiver, ...hosts]) disk.syncAll()
  const programOf = (where: Machine) => (where === receiver ? "receiver" : "shipper")
  const keepRunning = (where: Machine): void => {
    const onEnd = () => void world.after(1000, () => keepRunning(where))
    start(where, network, { program: programOf(where), argv: ["run"], onEnd })
  }
  return {
    world,
    network,
    receiver,
    hosts,
    start: (where) => start(where, network, { program: programOf(where), argv: ["run"] }),
    keepRunning,
    runFor: (millis) => world.run(world.now() + millis, () => undefined)
  }
}
