/** A TCP socket of which the kernels at both ends hold little: on loopback they take megabytes before anybody has read a byte. */
const AF_INET = 2
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000
const SOL_SOCKET = 1
const SO_RCVBUF = 8
const IPPROTO_TCP = 6
const TCP_MAXSEG = 2
const SOCKADDR_IN_BYTES = 16

/** The other end takes as much from its program as some segments have. */
const SEGMENT_BYTES = 1000
const RECEIVE_BYTES = 16 * 1024

const load = () => {
  const { functions } = process.getBuiltinModule("node:ffi").dlopen(null, {
    socket: { arguments: ["i32", "i32", "i32"], return: "i32" },
    setsockopt: { arguments: ["i32", "i32", "i32", "buffer", "u32"], return: "i32" },
    bind: { arguments: ["i32", "buffer", "u32"], return: "i32" }
  })
  return functions
}

const int = (value: number): Buffer => Buffer.from(Int32Array.of(value).buffer)

/** `struct sockaddr_in` of 127.0.0.1, any port. */
const loopback = (): Buffer => {
  const address = Buffer.alloc(SOCKADDR_IN_BYTES)
  new Uint16Array(address.buffer, address.byteOffset, 1)[0] = AF_INET
  address.set([127, 0, 0, 1], 4)
  return address
}

/** The descriptor of a bound one, for `server.listen`; what it accepts is like it. */
export const narrowSocket = (): number => {
  const { bind, setsockopt, socket } = load()
  const fd = socket(AF_INET, SOCK_STREAM_CLOEXEC, 0)
  const done = [
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, int(RECEIVE_BYTES), 4),
    setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, int(SEGMENT_BYTES), 4),
    bind(fd, loopback(), SOCKADDR_IN_BYTES)
  ]
  if (fd < 0 || done.some((result) => result !== 0)) throw new Error("no narrow socket could be made")
  return fd
}
