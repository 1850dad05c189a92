/** What doctor says: one row per thing it looked at. */

export type State = "green" | "yellow" | "red"

export interface Row {
  readonly check: string
  /** What was looked at: a path, a URL, a unit, a host. */
  readonly target: string
  readonly state: State
  /** In words. */
  readonly found: string
  /** The command that mends it, or with which to look closer where a person must decide; null when green. */
  readonly mend: string | null
}

/** What a judge says of what was found. */
export interface Finding {
  readonly state: State
  readonly found: string
  readonly mend: string | null
  /** Where it is about something else than its check as a whole. */
  readonly check?: string
  readonly target?: string
}

export const green = (found: string): Finding => ({ state: "green", found, mend: null })
export const yellow = (found: string, mend: string): Finding => ({ state: "yellow", found, mend })
export const red = (found: string, mend: string): Finding => ({ state: "red", found, mend })

/** The finding, about a part of what was looked at. */
export const about = (target: string, finding: Finding, check?: string): Finding => ({
  ...finding,
  target,
  ...(check !== undefined && { check })
})

export const isWell = (rows: ReadonlyArray<Row>): boolean => rows.every(({ state }) => state === "green")
