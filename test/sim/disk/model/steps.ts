/** Everything that can be done to a disk. */
import * as fs from "node:fs"
import * as fc from "fast-check"
import { simulatedStatOf, statOf } from "./look.ts"
import { flags, mode, relative, target, text } from "./paths.ts"
import { openBoth, readReal, truncatePath } from "./real.ts"
import { isRoot } from "./user.ts"
import { onHandle, onPath, type Step, step } from "./world.ts"

/** access(2) asks for the real user, who stays root where root runs the tests. */
const access = fc.tuple(relative, fc.boolean(), fc.boolean()).map(([path, readable, writable]) =>
  onPath(
    `access ${readable} ${writable}`,
    path,
    (at) => fs.accessSync(at, (readable ? fs.constants.R_OK : 0) | (writable ? fs.constants.W_OK : 0)),
    (calls, at) => calls.access(at, { readable, writable })
  )
)

export const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(relative, mode).map(([path, mode]) =>
    onPath(
      `mkdir ${mode.toString(8)}`,
      path,
      (at) => void fs.mkdirSync(at, mode),
      (calls, at) => calls.mkdir(at, mode)
    )
  ),
  relative.map((path) =>
    onPath(
      "mkdir",
      path,
      (at) => void fs.mkdirSync(at),
      (calls, at) => calls.mkdir(at)
    )
  ),
  relative.map((path) => onPath("rmdir", path, fs.rmdirSync, (calls, at) => calls.rmdir(at))),
  relative.map((path) => onPath("unlink", path, fs.unlinkSync, (calls, at) => calls.unlink(at))),
  relative.map((path) =>
    onPath(
      "lstat",
      path,
      (at) => statOf(fs.lstatSync(at)),
      (calls, at) => simulatedStatOf(calls.lstat(at))
    )
  ),
  relative.map((path) =>
    onPath(
      "stat",
      path,
      (at) => statOf(fs.statSync(at)),
      (calls, at) => simulatedStatOf(calls.stat(at))
    )
  ),
  relative.map((path) =>
    onPath(
      "readlink",
      path,
      (at) => fs.readlinkSync(at),
      (calls, at) => calls.readlink(at)
    )
  ),
  relative.map((path) =>
    onPath(
      "readdir",
      path,
      (at) => fs.readdirSync(at).toSorted(),
      (calls, at) =>
        calls
          .readdir(at)
          .map((entry) => entry.name)
          .toSorted()
    )
  ),
  ...(isRoot ? [] : [access]),
  fc.tuple(relative, mode).map(([path, mode]) =>
    onPath(
      `chmod ${mode.toString(8)}`,
      path,
      (at) => fs.chmodSync(at, mode),
      (calls, at) => calls.chmod(at, mode)
    )
  ),
  fc.tuple(relative, fc.nat(12)).map(([path, size]) =>
    onPath(
      `truncate ${size}`,
      path,
      (at) => truncatePath(at, size),
      (calls, at) => calls.truncate(at, size)
    )
  ),
  {
    weight: 4,
    arbitrary: fc.tuple(relative, relative).map(([from, to]) =>
      step(`rename ${from} ${to}`, ({ calls, top }) => ({
        real: () => fs.renameSync(`${top}/${from}`, `${top}/${to}`),
        simulated: () => calls.rename(`${top}/${from}`, `${top}/${to}`)
      }))
    )
  },
  {
    weight: 2,
    arbitrary: fc.tuple(relative, relative).map(([from, to]) =>
      step(`link ${from} ${to}`, ({ calls, top }) => ({
        real: () => fs.linkSync(`${top}/${from}`, `${top}/${to}`),
        simulated: () => calls.link(`${top}/${from}`, `${top}/${to}`)
      }))
    )
  },
  fc.tuple(target, relative).map(([target, path]) =>
    onPath(
      `symlink ${target}`,
      path,
      (at) => fs.symlinkSync(target, at),
      (calls, at) => calls.symlink(target, at)
    )
  ),
  {
    weight: 4,
    arbitrary: fc
      .tuple(relative, flags, mode)
      .map(([path, flags, mode]) =>
        step(`open ${path} ${JSON.stringify(flags)}`, (world) => openBoth(world, path, flags, mode))
      )
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(5), text, fc.nat(12)).map(([index, text, position]) =>
      onHandle(
        `write "${text}" at ${position}`,
        index,
        (fd) => fs.writeSync(fd, Buffer.from(text), 0, text.length, position),
        (calls, file) => calls.write(file, Buffer.from(text), position)
      )
    )
  },
  fc.tuple(fc.nat(5), fc.nat(12)).map(([index, position]) =>
    onHandle(
      `read at ${position}`,
      index,
      (fd) => readReal(fd, position),
      (calls, file) => {
        const bytes = Buffer.alloc(8)
        return bytes.toString("latin1", 0, calls.read(file, bytes, position))
      }
    )
  ),
  fc.tuple(fc.nat(5), fc.nat(12)).map(([index, size]) =>
    onHandle(
      `ftruncate ${size}`,
      index,
      (fd) => fs.ftruncateSync(fd, size),
      (calls, file) => calls.ftruncate(file, size)
    )
  ),
  fc.nat(5).map((index) =>
    onHandle(
      "fstat",
      index,
      (fd) => statOf(fs.fstatSync(fd)),
      (calls, file) => simulatedStatOf(calls.fstat(file))
    )
  ),
  fc.nat(5).map((index) => onHandle("fsync", index, fs.fsyncSync, (calls, file) => calls.fsync(file)))
)
