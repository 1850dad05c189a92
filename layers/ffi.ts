/**
 * The calls of the C library that Node lacks. `node:ffi` is loaded on first use, so that a program that needs none of them does not
 * pay for it. A call that fails throws an Error with `code`, `errno` and `syscall`, like Node's own.
 */
import { getSystemErrorMessage, getSystemErrorName } from "node:util"

// From Linux's headers (fcntl.h, socket.h, un.h), the same on x86-64 and arm64.
export const LOCK_SH = 1
export const LOCK_EX = 2
export const LOCK_NB = 4
const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000
/** Bytes in `sun_path`. */
const SUN_PATH = 108
const IPPROTO_TCP = 6
const TCP_NOTSENT_LOWAT = 25

const load = () => {
  const ffi = quietly(() => process.getBuiltinModule("node:ffi"))
  const { functions } = ffi.dlopen(null, {
    __errno_location: { arguments: [], return: "pointer" },
    flock: { arguments: ["i32", "i32"], return: "i32" },
    socket: { arguments: ["i32", "i32", "i32"], return: "i32" },
    sendto: { arguments: ["i32", "buffer", "u64", "i32", "buffer", "u32"], return: "i64" },
    setsockopt: { arguments: ["i32", "i32", "i32", "buffer", "u32"], return: "i32" },
    close: { arguments: ["i32"], return: "i32" },
    _exit: { arguments: ["i32"], return: "void" }
  })
  return { c: functions, errno: () => ffi.getInt32(functions.__errno_location(), 0) }
}

let library: ReturnType<typeof load> | undefined
const libc = () => (library ??= load())

/** Keeps the one warning that `node:ffi` is experimental from the log; any other comes through. */
const quietly = <A>(run: () => A): A => {
  const emitWarning = process.emitWarning
  process.emitWarning = ((warning: string | Error, ...rest: ReadonlyArray<never>) => {
    if (!(String(warning).includes("FFI") && rest.some((name) => name === "ExperimentalWarning"))) {
      emitWarning.call(process, warning, ...rest)
    }
  }) as typeof process.emitWarning
  try {
    return run()
  } finally {
    process.emitWarning = emitWarning
  }
}

const failure = (syscall: string, errno: number): NodeJS.ErrnoException =>
  Object.assign(new Error(`${getSystemErrorMessage(-errno)} (${syscall})`), {
    code: getSystemErrorName(-errno),
    errno: -errno,
    syscall
  })

const EAGAIN = 11

/** flock(2). False when `LOCK_NB` was asked for and the lock is held. */
export const flock = (fd: number, operation: number): boolean => {
  const { c, errno } = libc()
  if (c.flock(fd, operation) === 0) return true
  const reason = errno()
  if (reason === EAGAIN) return false
  throw failure("flock", reason)
}

/** _exit(2): ends the process at once, whatever its threads wait for. What was written must have been flushed. */
export const exitNow = (code: number): void => void libc().c._exit(code)

/**
 * The kernel takes no more for a TCP connection while so many bytes that it has taken are not under way (tcp(7)). False where it cannot
 * be told so.
 */
export const setMostUnsent = (fd: number, bytes: number): boolean => {
  const value = Buffer.from(Int32Array.of(bytes).buffer)
  return libc().c.setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, value, value.length) === 0
}

/** Sends one datagram to a unix socket without waiting: `/path`, or `@name` in the abstract namespace (unix(7)). */
export const sendDatagram = (address: string, message: string): void => {
  const { c, errno } = libc()
  const to = socketAddress(address)
  const bytes = Buffer.from(message)
  const fd = c.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0)
  if (fd < 0) throw failure("socket", errno())
  const sent = c.sendto(fd, bytes, BigInt(bytes.length), MSG_DONTWAIT_NOSIGNAL, to, to.length)
  const reason = sent < 0n ? errno() : 0
  c.close(fd)
  if (reason !== 0) throw failure("sendto", reason)
}

/** `struct sockaddr_un`: a path ends with a zero byte, an abstract name begins with one. */
export const socketAddress = (address: string): Buffer => {
  const family = Buffer.alloc(2)
  new Uint16Array(family.buffer, family.byteOffset, 1)[0] = AF_UNIX
  const name = address.startsWith("@") ? `\0${address.slice(1)}` : `${address}\0`
  const path = Buffer.from(name)
  if (path.length > SUN_PATH) throw new Error(`a socket address has at most ${SUN_PATH - 1} bytes (${address})`)
  return Buffer.concat([family, path])
}
