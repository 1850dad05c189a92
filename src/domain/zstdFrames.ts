/**
 * The framing of zstd (RFC 8878, section 3.1), followed byte by byte without decompressing: which frames these are, what they
 * ask of a decoder, and where they end.
 */

/** A decoder needs this much memory at most. */
export const MAX_WINDOW_BYTES = 8 * 1024 * 1024
const MAX_BLOCK_BYTES = 128 * 1024
/** The frame header behind its descriptor: window, dictionary id, content size. */
const LONGEST_FIELD = 1 + 4 + 8
const RLE = 1

export interface FrameScanner {
  /** What is wrong with the bytes so far, in words; the same answer for ever after. */
  readonly push: (bytes: Uint8Array) => string | undefined
  /** What is wrong with the whole, in words. */
  readonly end: () => string | undefined
}

/** A field of the framing: how many bytes it has, and what comes behind it, or what is wrong with it. */
interface Field {
  readonly length: number
  readonly read: (bytes: Uint8Array) => Step | string
}
/** `skip` bytes of content that do not concern the framing, then a field. */
interface Step {
  readonly skip: number
  readonly field: Field
}

/** Little-endian, unsigned. Exact up to 2^53, and beyond that still far over any limit here. */
const number = (bytes: Uint8Array, offset: number, length: number): number => {
  let value = 0
  for (let i = length - 1; i >= 0; i--) value = value * 256 + (bytes[offset + i] ?? 0)
  return value
}

const next = (field: Field, skip = 0): Step => ({ skip, field })

const isSkippable = (magic: number): boolean => magic >= 0x184d2a50 && magic <= 0x184d2a5f

const magic = (first: boolean): Field => ({
  length: 4,
  read: (bytes) => {
    const found = number(bytes, 0, 4)
    if (found === 0xfd2fb528) return next(descriptor)
    if (isSkippable(found)) return "a skippable zstd frame"
    return first ? "this is not zstd data" : "bytes behind the last zstd frame"
  }
})
const firstMagic = magic(true)
const laterMagic = magic(false)

const descriptor: Field = {
  length: 1,
  read: (bytes) => {
    const flags = bytes[0] ?? 0
    if ((flags & 0x08) !== 0) return "a zstd frame uses a reserved bit"
    return next(frameHeader(flags))
  }
}

/** Window descriptor, dictionary id and content size, as the frame header descriptor announces them. */
const frameHeader = (flags: number): Field => {
  const single = (flags & 0x20) !== 0
  const hasChecksum = (flags & 0x04) !== 0
  const window = single ? 0 : 1
  const dictionary = [0, 1, 2, 4][flags & 0x03] ?? 0
  const size = [single ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0
  return {
    length: window + dictionary + size,
    read: (bytes) => {
      if (number(bytes, window, dictionary) !== 0) return "a zstd frame needs a dictionary"
      const content = number(bytes, window + dictionary, size) + (size === 2 ? 256 : 0)
      const windowBytes = single ? content : windowSize(bytes[0] ?? 0)
      if (windowBytes > MAX_WINDOW_BYTES) return `a zstd frame needs a window of more than ${MAX_WINDOW_BYTES} bytes`
      return next(block(Math.min(windowBytes, MAX_BLOCK_BYTES), hasChecksum))
    }
  }
}

const windowSize = (byte: number): number => {
  const base = 2 ** (10 + (byte >> 3))
  return base + (base / 8) * (byte & 7)
}

const block = (limit: number, hasChecksum: boolean): Field => {
  const self: Field = {
    length: 3,
    read: (bytes) => {
      const header = number(bytes, 0, 3)
      const type = (header >> 1) & 3
      const size = header >> 3
      if (type === 3) return "a zstd block is of a reserved type"
      if (size > limit) return "a zstd block is larger than its frame allows"
      const content = type === RLE ? 1 : size
      if ((header & 1) === 0) return next(self, content)
      return next(laterMagic, content + (hasChecksum ? 4 : 0))
    }
  }
  return self
}

/**
 * Follows one or more frames, fed in pieces of any size; its memory is a few bytes. `onFrameEnd` is told how many bytes
 * there were when a frame ended, all frames before it included.
 */
export const makeFrameScanner = (onFrameEnd: (offset: number) => void = () => {}): FrameScanner => {
  const held = new Uint8Array(LONGEST_FIELD)
  let filled = 0
  let field: Field = firstMagic
  let toSkip = 0
  let offset = 0
  let fault: string | undefined

  /** The field in `held` is whole. */
  const onField = (): void => {
    const step = field.read(held)
    filled = 0
    if (typeof step === "string") {
      fault = step
      return
    }
    field = step.field
    toSkip = step.skip
    if (toSkip === 0) onContentEnd()
  }
  const onContentEnd = (): void => {
    if (field === laterMagic) onFrameEnd(offset)
  }

  const skip = (available: number): void => {
    const taken = Math.min(toSkip, available)
    toSkip -= taken
    offset += taken
    if (toSkip === 0) onContentEnd()
  }
  const take = (byte: number): void => {
    held[filled++] = byte
    offset++
    if (filled === field.length) onField()
  }

  const push = (bytes: Uint8Array): string | undefined => {
    const start = offset
    while (offset - start < bytes.length) {
      if (fault !== undefined) return fault
      const at = offset - start
      if (toSkip > 0) skip(bytes.length - at)
      else take(bytes[at] ?? 0)
    }
    return fault
  }

  const end = (): string | undefined => {
    if (fault !== undefined) return fault
    if (offset === 0) return "an empty body"
    if (field !== laterMagic || toSkip > 0) return "a zstd frame is cut short"
    return filled > 0 ? "bytes behind the last zstd frame" : undefined
  }

  return { push, end }
}
