/** A loopback of our own: nobody else's bytes are counted on it, and its settings are ours. */
import { spawnSync } from "node:child_process"

const IN_OWN_NETWORK = "BENCH_NETWORK"

/** What is set in it before anything runs, as a shell command. */
const settings = {
  plain: "true",
  /** The kernel's buffers are so small that a sender feels the line and not them. */
  small: ["tcp_wmem", "tcp_rmem"].map((name) => `echo 4096 16384 131072 >/proc/sys/net/ipv4/${name}`).join(" && ")
}

/** Runs the whole program again in such a network and gives how it ended; `undefined` where it is in one, or there can be none. */
export const inOwnNetwork = (kind: keyof typeof settings): number | undefined => {
  if (process.env[IN_OWN_NETWORK] !== undefined) return undefined
  const prepared = ["-n", "sh", "-c", `ip link set lo up && ${settings[kind]} && exec "$@"`, "sh"]
  if (spawnSync("unshare", [...prepared, "true"]).status !== 0) return undefined
  const { status } = spawnSync("unshare", [...prepared, process.execPath, ...process.argv.slice(1)], {
    stdio: "inherit",
    env: { ...process.env, [IN_OWN_NETWORK]: kind }
  })
  return status ?? 1
}
