/** Memory for what goes to a file, or comes from one, a block at a time. */

export const BLOCK_BYTES = 1024 * 1024

/** From this size on a file goes past the page cache: it would push much else out of memory. */
const LARGE_BYTES = 16 * BLOCK_BYTES

/**
 * One block, for a file of about `total` bytes. That of a large file begins at a page, as V8 maps on its own what may be resized: a disk
 * takes no other memory by itself. Only there, as such memory takes twenty times as long to make (0.5 ms).
 */
export const makeBlock = (total: number): Uint8Array<ArrayBuffer> =>
  total < LARGE_BYTES
    ? new Uint8Array(Math.min(total, BLOCK_BYTES))
    : new Uint8Array(new ArrayBuffer(BLOCK_BYTES, { maxByteLength: BLOCK_BYTES }))

/** Gives its memory back now: what waits to be collected makes V8 look through all of its heap, and gathers. Nobody may use it any more. */
export const freeBlock = ({ buffer }: Uint8Array<ArrayBuffer>): void => void buffer.transferToFixedLength(0)

/** Whether this is a whole block of a large file: `LocalDisk` moves it past the page cache. */
export const isOfLargeFile = ({ buffer, byteLength }: Uint8Array): boolean =>
  buffer instanceof ArrayBuffer && buffer.resizable && byteLength === buffer.byteLength
