/** What the kernel says when it does not do as asked, in libuv's words. */
import { constants } from "node:os"

/** errno(3) by name, and what libuv calls it (uv-errno.h, `uv_strerror`). */
const words = {
  EACCES: "permission denied",
  EAGAIN: "resource temporarily unavailable",
  EBADF: "bad file descriptor",
  EBUSY: "resource busy or locked",
  EEXIST: "file already exists",
  EINVAL: "invalid argument",
  EIO: "i/o error",
  EISDIR: "illegal operation on a directory",
  ELOOP: "too many symbolic links encountered",
  EMFILE: "too many open files",
  ENAMETOOLONG: "name too long",
  ENFILE: "file table overflow",
  ENOENT: "no such file or directory",
  ENOMEM: "not enough memory",
  ENOSPC: "no space left on device",
  ENOTDIR: "not a directory",
  ENOTEMPTY: "directory not empty",
  EPERM: "operation not permitted",
  EROFS: "read-only file system",
  EXDEV: "cross-device link not permitted"
} as const

export type Code = keyof typeof words

const isCode = (code: string): code is Code => Object.hasOwn(words, code)

/** What a call failed with, before anyone knows which path it was asked for. */
export class DiskError {
  readonly code: Code
  constructor(code: Code) {
    this.code = code
  }
}

export const fail = (code: Code): never => {
  // oxlint-disable-next-line typescript/only-throw-error -- a stack costs more than all else that a call does
  throw new DiskError(code)
}

/** As Node makes it: `ENOENT: no such file or directory, rename '/a' -> '/b'`. */
export const nodeError = (code: string, syscall: string, ...paths: ReadonlyArray<string>): Error => {
  const stackTraceLimit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  const said = isCode(code) ? words[code] : "injected by the simulation"
  const where = paths.length === 0 ? "" : ` ${paths.map((path) => `'${path}'`).join(" -> ")}`
  const error = new Error(`${code}: ${said}, ${syscall}${where}`)
  Error.stackTraceLimit = stackTraceLimit
  const [path, dest] = paths
  return Object.assign(error, {
    errno: isCode(code) ? -constants.errno[code] : undefined,
    code,
    syscall,
    ...(path !== undefined && { path }),
    ...(dest !== undefined && { dest })
  })
}
