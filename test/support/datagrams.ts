import * as ffi from "node:ffi"
import { socketAddress } from "../../layers/ffi.ts"

const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000
const MSG_DONTWAIT = 0x40

const { functions: c } = ffi.dlopen(null, {
  socket: { arguments: ["i32", "i32", "i32"], return: "i32" },
  bind: { arguments: ["i32", "buffer", "u32"], return: "i32" },
  recv: { arguments: ["i32", "buffer", "u64", "i32"], return: "i64" },
  close: { arguments: ["i32"], return: "i32" }
})

/** A bound unix datagram socket: `/path` or `@abstract`. */
export const listenForDatagrams = (address: string) => {
  const fd = c.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0)
  const name = socketAddress(address)
  if (fd < 0 || c.bind(fd, name, name.length) !== 0) throw new Error(`cannot bind ${address}`)
  return {
    /** The oldest datagram that waits. */
    take: (): string | undefined => {
      const buffer = Buffer.alloc(4096)
      const length = c.recv(fd, buffer, BigInt(buffer.length), MSG_DONTWAIT)
      return length < 0n ? undefined : buffer.toString("utf8", 0, Number(length))
    },
    close: () => void c.close(fd)
  }
}
