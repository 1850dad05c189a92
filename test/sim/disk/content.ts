/** What a file holds: in the page cache, and as of its last successful sync. */
import type { Random } from "../kernel/random.ts"
import { Ranges } from "./ranges.ts"

/** What a disk writes whole or not at all. */
const SECTOR = 512
const NOTHING = new Uint8Array(0)

export class Content {
  #buffer: Uint8Array = NOTHING
  #size = 0
  /** Up to here the buffer is also somebody else's, who does not expect it to change. */
  #shared = 0
  #durable: Uint8Array = NOTHING
  /** Written since the last sync. */
  readonly #dirty = new Ranges()
  /** Written before a sync that failed: nobody writes them to the disk any more, until they are written anew. */
  readonly #lost = new Ranges()
  /** The least size since the last sync. */
  #lowest = 0

  get size(): number {
    return this.#size
  }

  /** As of the last successful sync. Not to be changed by whoever has it. */
  get durable(): Uint8Array {
    return this.#durable
  }

  get isDurable(): boolean {
    return (
      this.#dirty.isEmpty &&
      this.#lost.isEmpty &&
      this.#size === this.#durable.length &&
      this.#lowest === this.#durable.length
    )
  }

  /** What a reader sees now; it stays as it is, whatever is written later. Not to be changed by whoever has it. */
  get current(): Uint8Array {
    this.#shared = Math.max(this.#shared, this.#size)
    return this.#buffer.subarray(0, this.#size)
  }

  /** Gives how many bytes there were. */
  read(into: Uint8Array, position: number): number {
    if (position >= this.#size) return 0
    const found = this.#buffer.subarray(position, Math.min(this.#size, position + into.length))
    into.set(found)
    return found.length
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length
    if (position > this.#size) this.truncate(position)
    this.#own(position, end)
    this.#buffer.set(bytes, position)
    this.#size = Math.max(this.#size, end)
    this.#dirty.add(position, end)
    this.#lost.subtract(position, end)
  }

  truncate(size: number): void {
    if (size > this.#size) {
      this.#own(this.#size, size)
      this.#buffer.fill(0, this.#size, size)
    }
    this.#size = size
    this.#dirty.subtract(size, Number.POSITIVE_INFINITY)
    this.#lost.subtract(size, Number.POSITIVE_INFINITY)
    this.#lowest = Math.min(this.#lowest, size)
  }

  sync(): void {
    if (this.isDurable) return
    this.#durable = this.#written()
    this.#dirty.clear()
    this.#lowest = this.#size
  }

  /** A sync that failed: what it should have written counts as written, and is not (fsync(2); "fsyncgate"). */
  failSync(): void {
    for (const [from, to] of this.#dirty) this.#lost.add(from, to)
    this.#dirty.clear()
  }

  /** What a disk may come back with: what was synced, what was written, or a mixture. */
  afterPowerCut(random: Random): Uint8Array {
    if (this.isDurable) return this.#durable
    switch (random.int(6)) {
      case 0:
        return this.#durable
      case 1:
        return this.#written()
      case 2:
        // What a failed sync left behind may have been written all the same.
        return this.current
      default:
        return this.#torn(random)
    }
  }

  /** The disk came back with this. */
  restore(bytes: Uint8Array): void {
    this.#buffer = bytes
    this.#durable = bytes
    this.#size = this.#shared = this.#lowest = bytes.length
    this.#dirty.clear()
    this.#lost.clear()
  }

  /** What is on the disk once all that still will be written is. */
  #written(): Uint8Array {
    if (this.#lost.isEmpty) return this.current
    const bytes = this.current.slice()
    for (const [from, to] of this.#lost) bytes.set(padded(this.#durable, from, to), from)
    return bytes
  }

  /** Some sectors were written, some not, some were allocated and not written; and the size is one of those it has had, or between. */
  #torn(random: Random): Uint8Array {
    const [old, written] = [this.#durable, this.#written()]
    const lowest = Math.min(this.#lowest, old.length)
    const highest = Math.max(written.length, old.length)
    const size = random.pick([old.length, written.length, lowest + random.int(highest - lowest + 1)])
    const bytes = padded(written, 0, size)
    if (random.chance(0.5)) {
      for (let from = 0; from < size; from += SECTOR) {
        const to = Math.min(from + SECTOR, size)
        const sector = random.int(3)
        if (sector === 0) bytes.set(padded(old, from, to), from)
        if (sector === 1 && to > lowest) bytes.fill(0, Math.max(from, lowest), to)
      }
    }
    return bytes
  }

  /** Makes room up to `end`, and makes what is written from `position` on ours alone. */
  #own(position: number, end: number): void {
    if (end <= this.#buffer.length && position >= this.#shared) return
    const room = end <= this.#buffer.length ? this.#buffer.length : Math.max(end, 2 * this.#size, 256)
    const buffer = new Uint8Array(room)
    buffer.set(this.#buffer.subarray(0, this.#size))
    this.#buffer = buffer
    this.#shared = 0
  }
}

/** The bytes from `from` to `to`, zeros where there are none. */
const padded = (bytes: Uint8Array, from: number, to: number): Uint8Array => {
  const piece = new Uint8Array(to - from)
  piece.set(bytes.subarray(from, to))
  return piece
}
