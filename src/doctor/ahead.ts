import { duration } from "../domain/humanize.ts"
import { type Finding, yellow } from "./row.ts"
import { elsewhere } from "./shell.ts"

/** Two clocks that are both well differ by less. */
const APART_MILLIS = 5 * 60_000

/**
 * What was written with a time that is to come: how long ago it was cannot be told, and it would seem new for as long. `age`:
 * milliseconds. `host`: whose clock it was; `undefined` where it was the one here.
 */
export const ahead = (age: number | undefined, what: string, host?: string): Finding | undefined => {
  if (age === undefined || age >= -APART_MILLIS) return undefined
  const found = `${what} is ${duration(-age)} ahead of the clock here`
  return host === undefined
    ? yellow(`${found}: the clock of this machine was ahead, or is behind now`, "timedatectl")
    : yellow(`${found}: the clock of ${host} was ahead, or this one is behind`, elsewhere(host, "timedatectl"))
}
