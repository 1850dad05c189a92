import { setFlagsFromString } from "node:v8"

const NODE_MAJOR = 26

/** Whether this Node can run us; if not, that is said, and the exit status is 2. What we create is for our own user only. */
export const startable = (program: string): boolean => {
  const found = process.versions.node
  if (Number.parseInt(found, 10) < NODE_MAJOR) {
    const pinned = "node_modules/.bin/node of the checkout"
    process.stderr.write(
      `${program} needs Node ${NODE_MAJOR} or later, and this is ${found}: start it with ${pinned}\n`
    )
    process.exitCode = 2
    return false
  }
  process.umask(0o077)
  // Buffers that are done with wait for the young generation to be looked through: it stays at its first size, so that they do not gather.
  setFlagsFromString("--semi-space-growth-factor=1")
  // So little is looked through at once that waking other threads for it costs more than it brings.
  setFlagsFromString("--no-parallel-scavenge")
  // On a host with much memory V8 would wait until there is four times what was left the last time: this is two and a half.
  setFlagsFromString("--heap-growing-percent=150")
  // Many looks at once, each of which may hang for ever: none must take the thread of another.
  if (process.argv.includes("doctor")) process.env.UV_THREADPOOL_SIZE ??= "64"
  return true
}
