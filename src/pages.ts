/** Memory that a disk reads from and writes to by itself. */

/** Of this size, and of multiples of it, `LocalDisk` moves a file past the page cache. */
export const DIRECT_BYTES = 1024 * 1024

/** So many bytes; if they are many they begin at a page, as V8 maps for itself alone what may be resized. A disk takes no others. */
export const makePages = (bytes: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(bytes < DIRECT_BYTES ? new ArrayBuffer(bytes) : new ArrayBuffer(bytes, { maxByteLength: bytes }))

/** Whether they are the whole of what `makePages` made. */
export const arePages = ({ buffer, byteLength }: Uint8Array): boolean =>
  buffer instanceof ArrayBuffer && buffer.resizable && byteLength === buffer.byteLength
