/** A thin line as plain data: so many bytes a second for all who share it, evenly, each byte some time on its way. */

/** One direction of one connection. */
interface Conduit {
  /** Hands over what came to the line. Whether there is room for more; if not, `onRoom` says when. */
  readonly push: (chunk: Buffer) => boolean
  /** Nothing more comes: `onEnd` when the last byte is there. */
  readonly end: () => void
  /** What is queued or on its way is lost. */
  readonly cut: () => void
}

export interface Ends {
  /** At the other end, in order. */
  readonly deliver: (chunk: Buffer) => void
  /** Bytes that the other end has not taken yet. */
  readonly untaken: () => number
  readonly onRoom: () => void
  readonly onEnd: () => void
  /** What went onto the line, whether it arrives or not. */
  readonly onSent: (chunk: Buffer) => void
}

/** What a packet of an ordinary network carries. */
const PACKET_BYTES = 1448
/** Before the line, per connection. */
const QUEUE_BYTES = 64 * 1024
/** On its way or not taken, per connection: as a receiver's window. */
const WINDOW_BYTES = 256 * 1024
const TICK_MILLIS = 2
/** A stall of our own process is made up for so long. */
const CATCH_UP_SECONDS = 0.1

interface Lane extends Ends {
  queue: Array<Buffer>
  queued: number
  flying: number
  ending: boolean
  over: boolean
  full: boolean
}

const takePacket = (lane: Lane): Buffer => {
  const [first = Buffer.alloc(0), ...rest] = lane.queue
  const packet = first.subarray(0, PACKET_BYTES)
  if (packet.length === first.length) lane.queue = rest
  else lane.queue[0] = first.subarray(packet.length)
  lane.queued -= packet.length
  return packet
}

const maySend = (lane: Lane): boolean => lane.queued > 0 && lane.flying + lane.untaken() < WINDOW_BYTES

export const makeLine = ({ bytesPerSecond, delayMillis }: { bytesPerSecond: number; delayMillis: number }) => {
  const lanes = new Set<Lane>()
  const flying: Array<{ readonly lane: Lane; readonly packet: Buffer; readonly due: number }> = []
  let budget = 0
  let last = performance.now()
  let busyMillis = 0

  const send = (lane: Lane, now: number): void => {
    const packet = takePacket(lane)
    budget -= packet.length
    lane.flying += packet.length
    flying.push({ lane, packet, due: now + delayMillis })
    lane.onSent(packet)
    if (!lane.full || lane.queued > QUEUE_BYTES / 2) return
    lane.full = false
    lane.onRoom()
  }

  const arrive = (now: number): void => {
    let arrived = 0
    for (const { due, lane, packet } of flying) {
      if (due > now) break
      arrived++
      lane.flying -= packet.length
      if (!lane.over) lane.deliver(packet)
    }
    flying.splice(0, arrived)
  }

  const settle = (lane: Lane): void => {
    if (lane.over || (lane.ending && lane.queued === 0 && lane.flying === 0)) lanes.delete(lane)
    if (!lane.over && !lanes.has(lane)) lane.onEnd()
  }

  /** Who sent goes behind the others, so that all get the same. */
  const transmit = (now: number): void => {
    const next = () => (budget > 0 ? [...lanes].find(maySend) : undefined)
    for (let lane = next(); lane !== undefined; lane = next()) {
      send(lane, now)
      lanes.delete(lane)
      lanes.add(lane)
    }
  }

  const tick = (): void => {
    const now = performance.now()
    budget = Math.min(budget + ((now - last) / 1000) * bytesPerSecond, CATCH_UP_SECONDS * bytesPerSecond)
    if (lanes.size > 0 && [...lanes].some(maySend)) busyMillis += now - last
    last = now
    arrive(now)
    transmit(now)
    for (const lane of lanes) settle(lane)
  }
  const timer = setInterval(tick, TICK_MILLIS)

  return {
    open: (ends: Ends): Conduit => {
      const lane: Lane = { ...ends, queue: [], queued: 0, flying: 0, ending: false, over: false, full: false }
      lanes.add(lane)
      return {
        push: (chunk) => {
          lane.queue.push(chunk)
          lane.queued += chunk.length
          lane.full = lane.queued >= QUEUE_BYTES
          return !lane.full
        },
        end: () => {
          lane.ending = true
        },
        cut: () => {
          lane.over = true
          lane.queue = []
          lane.queued = 0
          lanes.delete(lane)
        }
      }
    },
    /** How long something waited to be sent: the rest of the time nobody used the line. */
    busyMillis: () => busyMillis,
    close: () => clearInterval(timer)
  }
}
export type Line = ReturnType<typeof makeLine>
