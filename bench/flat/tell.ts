/** Figures beside their limits, told as they come. */
import { say } from "../options.ts"
import { MIB } from "../units.ts"

let over = 0

const tellRow = (what: string, value: string, limit: string, verdict: string): void =>
  say(`${what.padEnd(62)} ${value.padStart(14)} ${limit.padStart(12)}  ${verdict}`)

const shown = (value: number, unit: string): string => `${value.toFixed(unit === "×" ? 2 : 1)} ${unit}`

export const tellHead = (): void => tellRow("", "figure", "limit", "")

export const tell = (what: string, value: number, limit: number, unit: string): void => {
  const within = value <= limit
  if (!within) over++
  tellRow(what, shown(value, unit), shown(limit, unit), within ? "ok" : "NOT OK")
}

/** Of memory, in bytes. */
export const tellGrowth = (what: string, from: number, to: number, limitMib: number): void =>
  tell(`${what} (${Math.round(from / MIB)} → ${Math.round(to / MIB)} MiB)`, (to - from) / MIB, limitMib, "MiB")

/** Whether all were within their limits. */
export const tellVerdict = (): boolean => {
  say(over === 0 ? "all flat" : `${over} NOT OK`)
  return over === 0
}
