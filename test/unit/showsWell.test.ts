import { expect, test } from "vitest"
import { showsWell } from "../../src/shipper/pass.ts"
import { newRun } from "../../src/shipper/run.ts"

const { counts } = newRun([])
const waiting = { counts, handedBack: false, left: 3 }

test.each([
  ["episodes that wait by themselves", waiting, false],
  ["failures", { ...waiting, counts: { ...counts, scanned: 2, transient_failures: 2 } }, false],
  ["one that was judged", { ...waiting, counts: { ...counts, scanned: 3, transient_failures: 2, conflicts: 1 } }, true],
  ["an upload that got on", { ...waiting, handedBack: true }, true],
  ["nothing that waits", { ...waiting, left: 0 }, true]
] as const)("%s: whether it is shipped again", (_, result, well) => expect(showsWell(result)).toBe(well))
