/** Smaller ones may share a slab of Node's. */
const OWN_BYTES = 128 * 1024

/**
 * Gives a large piece's memory back now, not when it is next collected: until then tens of megabytes would have gathered. The piece
 * is empty afterwards. Not for one behind which its maker still has room.
 */
export const release = ({ buffer }: Uint8Array): void => {
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= OWN_BYTES && buffer.byteLength > Buffer.poolSize)
    buffer.transfer(0)
}

/** Whether its maker has no more room behind it. */
export const isLast = ({ buffer, byteLength, byteOffset }: Uint8Array): boolean =>
  byteOffset + byteLength === buffer.byteLength
