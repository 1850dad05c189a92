import * as NodeFs from "node:fs"
import { BLOCK_BYTES, isOfLargeFile } from "../../src/block.ts"

const { O_APPEND, O_DIRECT, O_NONBLOCK, O_RDWR, O_WRONLY } = NodeFs.constants

/** A file that is open: through the page cache, and past it (O_DIRECT, open(2)) as soon as something asks for that. */
export interface Descriptors {
  readonly cached: number
  /** The one for these bytes at this place in the file. */
  readonly descriptorFor: (bytes: Uint8Array, at: number) => number
  /** From now on everything goes through the page cache. */
  readonly stopDirect: () => void
  readonly close: () => void
}

/** Throws as `openSync` does. */
export const openDescriptors = (path: string, bits: number, mode: number | undefined): Descriptors => {
  const cached = NodeFs.openSync(path, bits, mode)
  let direct: number | undefined
  // What is reopened would not append.
  let mayBeDirect = (bits & O_APPEND) === 0

  const stopDirect = (): void => {
    mayBeDirect = false
  }
  /** By descriptor: the name may be another file's by now. Where the file system cannot, or there is no /proc, the page cache will do. */
  const openDirect = (): number | undefined => {
    try {
      return NodeFs.openSync(`/proc/self/fd/${cached}`, (bits & (O_RDWR | O_WRONLY | O_NONBLOCK)) | O_DIRECT)
    } catch {
      stopDirect()
      return undefined
    }
  }

  return {
    cached,
    descriptorFor: (bytes, at) =>
      mayBeDirect && isOfLargeFile(bytes) && bytes.length % BLOCK_BYTES === 0 && at % BLOCK_BYTES === 0
        ? ((direct ??= openDirect()) ?? cached)
        : cached,
    stopDirect,
    close: () => {
      stopDirect()
      try {
        if (direct !== undefined) NodeFs.closeSync(direct)
      } finally {
        NodeFs.closeSync(cached)
      }
    }
  }
}
