import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { expect, test } from "vitest"
import { makeBox, startProgram, untilRunning } from "../support/shipperBox.ts"

const HANGING = join(import.meta.dirname, "../support/hangingProgram.ts")

test.concurrent.each([
  "SIGTERM",
  "SIGINT"
] as const)("%s ends the program while a disk does not answer", async (signal) => {
  using box = makeBox("http://127.0.0.1:1")
  const fifo = join(box.home, "fifo")
  execFileSync("mkfifo", [fifo])
  await using program = startProgram([fifo], { program: HANGING })
  await untilRunning(program, () => program.stderr().includes("started"))
  const ran = await program.stop(signal)
  expect([ran.code, ran.signal], ran.stderr).toEqual([0, null])
  expect(ran.stderr).toContain("ends without waiting for a disk that does not answer")
})
