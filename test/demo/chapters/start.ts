import type { Lab } from "../lab.ts"

export const start = async ({ configureHost, run, show, startDaemon, until }: Lab) => {
  show.chapter("Start", "A receiver on a free port of the loopback, and the daemon of one lab host.")
  const receiver = await startDaemon("cis490-receiver")
  const address = () => /^<6>listening address=(127\.0\.0\.1:\d+)$/m.exec(receiver.stderr())?.[1]
  await until("the receiver to listen", () => address() !== undefined)
  show.log(receiver.stderr())
  configureHost(address() ?? "")

  const daemon = await startDaemon("cis490-shipper")
  await until("the daemon to start", () => daemon.stderr().includes("started"))
  show.log(daemon.stderr())
  const ping = await run("cis490-shipper", "ping")
  show.check("the receiver lets this host in", ping.status, 0)
  return { receiver, daemon }
}
