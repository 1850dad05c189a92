import type { Socket } from "node:net"
import { setMostUnsent } from "../ffi.ts"

const MOST_UNSENT_BYTES = 64 * 1024

/** Node does not say it otherwise. */
const descriptorOf = (socket: Socket): number | undefined => {
  const handle = "_handle" in socket ? socket._handle : undefined
  const fd = handle !== null && typeof handle === "object" && "fd" in handle ? handle.fd : undefined
  return typeof fd === "number" && fd >= 0 ? fd : undefined
}

/**
 * Has the kernel take what it can soon send, and not megabytes at once: what it has taken counts as moved, on a slow line long before it
 * leaves. A kernel or a socket that knows no such limit does without.
 */
export const limitUnsent = (socket: Socket): void => {
  const descriptor = descriptorOf(socket)
  if (descriptor !== undefined) setMostUnsent(descriptor, MOST_UNSENT_BYTES)
}
