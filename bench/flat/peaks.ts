/** The most memory the programs take for what there is to do, in bytes. What was shipped below `place` is gone at the end. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import { makeCentre, makeHost, NOWHERE } from "../fixtures.ts"
import { endedWell, runProgram, SHIPPER } from "../programs.ts"
import { MIB } from "../units.ts"

/** Ships one episode of this size; the peaks of both ends. */
export const shipOne = async (place: string, mib: number) => {
  const centre = await makeCentre(join(place, "centre")).start()
  const host = makeHost(join(place, "host"), centre.url)
  host.record("E1", mib * MIB)
  const shipper = await runProgram(host.scratch, SHIPPER, host.args("once"))
  endedWell(shipper)
  const receiver = await centre.stop()
  rmSync(place, { recursive: true, force: true })
  return { shipper: shipper.peak, receiver: receiver.peak }
}

/** Peaks with so many episodes waiting, of which `shipped` are shipped in the end. */
export const withBacklog = async (place: string, waiting: number, shipped: number) => {
  const host = makeHost(join(place, "host"), NOWHERE)
  host.pile(waiting)
  const once = await runProgram(host.scratch, SHIPPER, host.args("once"))
  const status = await runProgram(host.scratch, SHIPPER, host.args("status"))
  endedWell(status)

  const away = host.start("run")
  await away.until(() => /nothing is being shipped/.test(away.stderr()) && /check-in failed/.test(away.stderr()))
  const idle = await away.stop()

  const centre = makeCentre(join(place, "centre"))
  const receiver = await centre.start()
  host.point(receiver.url)
  const daemon = host.start("run")
  await daemon.until(() => centre.rows() >= shipped)
  const busy = await daemon.stop()
  await receiver.stop()
  rmSync(place, { recursive: true, force: true })
  return { once: once.peak, status: status.peak, idle: idle.peak, busy: busy.peak }
}
