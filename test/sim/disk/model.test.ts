/** Any sequence of calls does to the simulated disk what it does to the real one, errors included. */
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Disk } from "./disk.ts"
import { DiskError } from "./errno.ts"
import { lookReal, lookSimulated, withoutLinkTimes } from "./model/look.ts"
import { steps } from "./model/steps.ts"
import { asOrdinaryUser, isRoot, ordinaryUser } from "./model/user.ts"
import type { Step, World } from "./model/world.ts"

/** Where an ordinary user gets to. */
const OPEN_TO_ALL = isRoot ? "/tmp" : tmpdir()

/** Its value, or the code it fails with. */
const outcome = (act: () => unknown): unknown => {
  try {
    return act() ?? "done"
  } catch (thrown) {
    if (thrown instanceof DiskError) return thrown.code
    if (thrown instanceof Error && "code" in thrown) return thrown.code
    throw thrown
  }
}

/** Does it on both sides, and looks at all there is after each step. */
const play = (scratch: string, run: number, sequence: ReadonlyArray<Step>): void => {
  const above = join(scratch, String(run))
  const top = join(above, "top")
  const disk = new Disk({ capacityBytes: 1 << 20, now: () => 2_000_000_000_000_000_000n })
  const parts = top.split("/").slice(1)
  for (let depth = 1; depth <= parts.length; depth++) disk.mkdir(`/${parts.slice(0, depth).join("/")}`)
  fs.mkdirSync(top, { recursive: true })
  for (const path of [above, top]) fs.chownSync(path, ordinaryUser, -1)
  const world: World = { top, calls: disk.asUser(0o022), handles: [] }
  try {
    lookReal(above)
    lookSimulated(disk, above)
    for (const { act, words } of sequence) {
      const { real, simulated } = act(world)
      const happened = asOrdinaryUser(() => outcome(real))
      expect(outcome(simulated), words).toEqual(happened)
      expect(lookSimulated(disk, above).map(withoutLinkTimes), words).toEqual(lookReal(above).map(withoutLinkTimes))
    }
  } finally {
    for (const { fd } of world.handles) fs.closeSync(fd)
    fs.rmSync(above, { recursive: true, force: true })
  }
}

describe("the simulated disk", () => {
  it("does what the real one does", () => {
    const scratch = fs.mkdtempSync(join(OPEN_TO_ALL, "cis490-model-"))
    fs.chmodSync(scratch, 0o755)
    const umask = process.umask(0o022)
    let run = 0
    try {
      fc.assert(
        fc.property(fc.array(steps, { minLength: 1, maxLength: 40, size: "max" }), (sequence) =>
          play(scratch, run++, sequence)
        ),
        { numRuns: 400, seed: 490 }
      )
    } finally {
      process.umask(umask)
      fs.rmSync(scratch, { recursive: true, force: true })
    }
  })
})
