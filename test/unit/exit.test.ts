import { expect, it } from "@effect/vitest"
import * as CliError from "effect/cli/CliError"
import * as Exit from "effect/Exit"
import { Attention, teardown, UsageError } from "../../src/cli/exit.ts"

const statusOf = (exit: Exit.Exit<unknown, unknown>) => {
  let status: number | undefined
  teardown(exit, (code) => {
    status = code
  })
  return status
}

it("tells success, attention, usage and a stop apart", () => {
  const parse = new CliError.UnrecognizedOption({ option: "--frob", suggestions: [] })
  expect(statusOf(Exit.void)).toBe(0)
  expect(statusOf(Exit.interrupt(1))).toBe(0)
  expect(statusOf(Exit.fail(new Attention()))).toBe(1)
  expect(statusOf(Exit.fail("anything else"))).toBe(1)
  expect(statusOf(Exit.die(new Error("our own mistake")))).toBe(1)
  expect(statusOf(Exit.fail(new UsageError({ message: "say one" })))).toBe(2)
  expect(statusOf(Exit.fail(new CliError.ShowHelp({ commandPath: ["x"], errors: [parse] })))).toBe(2)
  expect(statusOf(Exit.fail(new CliError.ShowHelp({ commandPath: ["x"], errors: [] })))).toBe(2)
})
