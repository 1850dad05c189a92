/** A loopback of our own, where the kernel's buffers are so small that a sender feels the line and not them. */
import { spawnSync } from "node:child_process"

const SMALL = "4096 16384 131072"
const PREPARE = `ip link set lo up && echo ${SMALL} >/proc/sys/net/ipv4/tcp_wmem && echo ${SMALL} >/proc/sys/net/ipv4/tcp_rmem`

/** Runs the whole program again in such a network and gives how it ended; `undefined` where it is one, or there can be none. */
export const inSmallNetwork = (): number | undefined => {
  if (process.env["THIN_NETWORK"] !== undefined) return undefined
  const prepared = ["-n", "sh", "-c", `${PREPARE} && exec "$@"`, "sh"]
  if (spawnSync("unshare", [...prepared, "true"]).status !== 0) return undefined
  const { status } = spawnSync("unshare", [...prepared, process.execPath, ...process.argv.slice(1)], {
    stdio: "inherit",
    env: { ...process.env, THIN_NETWORK: "small" }
  })
  return status ?? 1
}
