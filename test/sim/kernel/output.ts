/** What a program prints, line by line. */
import type { Console } from "effect/Console"

export interface Output {
  readonly stdout: ReadonlyArray<string>
  readonly stderr: ReadonlyArray<string>
}

const lines = (said: ReadonlyArray<unknown>): ReadonlyArray<string> => said.map(String).join(" ").split("\n")

const unused = (method: string) => (): never => {
  throw new Error(`console.${method} is not simulated`)
}

/** A console of its own; `said` is told every line. */
export const makeOutput = (said: (line: string) => void): { readonly console: Console; readonly output: Output } => {
  const stdout: Array<string> = []
  const stderr: Array<string> = []
  const to =
    (sink: Array<string>) =>
    (...parts: ReadonlyArray<unknown>): void => {
      for (const line of lines(parts)) {
        sink.push(line)
        said(line)
      }
    }
  const log = to(stdout)
  const error = to(stderr)
  const console: Console = {
    log,
    info: log,
    debug: log,
    error,
    warn: error,
    trace: error,
    assert: unused("assert"),
    clear: unused("clear"),
    count: unused("count"),
    countReset: unused("countReset"),
    dir: unused("dir"),
    dirxml: unused("dirxml"),
    group: unused("group"),
    groupCollapsed: unused("groupCollapsed"),
    groupEnd: unused("groupEnd"),
    table: unused("table"),
    time: unused("time"),
    timeEnd: unused("timeEnd"),
    timeLog: unused("timeLog")
  }
  return { console, output: { stdout, stderr } }
}
