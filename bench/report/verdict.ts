/** A figure beside what it should be. Pure. */
export interface Target {
  readonly limit: number
  readonly sense: "at least" | "at most"
}

export const atLeast = (limit: number): Target => ({ limit, sense: "at least" })
export const atMost = (limit: number): Target => ({ limit, sense: "at most" })

const reached = (value: number, { limit, sense }: Target): boolean =>
  sense === "at least" ? value >= limit : value <= limit

const perCent = (part: number): string => `${(100 * part).toFixed(part < 0.1 ? 1 : 0)} %`

/** Reached, or by how far not. */
export const verdict = (value: number, target: Target): string => {
  if (reached(value, target)) return "✓"
  const { limit, sense } = target
  return sense === "at least" ? `✗ ${perCent(1 - value / limit)} short` : `✗ ${perCent(value / limit - 1)} over`
}

/** The figure, the target and the verdict in one cell; `–` where there is no figure. */
export const judged = (value: number | undefined, target: Target, digits = 2, unit = ""): string => {
  if (value === undefined || Number.isNaN(value)) return "–"
  const sign = target.sense === "at least" ? "≥" : "≤"
  return `**${value.toFixed(digits)}${unit}** (${sign} ${target.limit}) ${verdict(value, target)}`
}
