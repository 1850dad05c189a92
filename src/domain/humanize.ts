const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const

/** `1.5 GiB`; whole bytes below 1 KiB. */
export const size = (bytes: number): string => {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1)
  const scaled = bytes / 1024 ** power
  // 1023.96 KiB is 1 MiB when rounded, not 1024 KiB.
  if (power < UNITS.length - 1 && power > 0 && scaled >= 1023.95) return `1.0 ${UNITS[power + 1]}`
  return `${power === 0 ? scaled : scaled.toFixed(1)} ${UNITS[power]}`
}

const STEPS = [
  { unit: "d", seconds: 86_400, rest: { unit: "h", seconds: 3600 } },
  { unit: "h", seconds: 3600, rest: { unit: "min", seconds: 60 } },
  { unit: "min", seconds: 60, rest: { unit: "s", seconds: 1 } }
] as const

/** `2 d 3 h`, `5 min 10 s`, `0 s`: the two largest units, rounded down. */
export const duration = (millis: number): string => {
  const seconds = Math.floor(Math.max(millis, 0) / 1000)
  const step = STEPS.find((candidate) => seconds >= candidate.seconds)
  if (step === undefined) return `${seconds} s`
  const rest = Math.floor((seconds % step.seconds) / step.rest.seconds)
  const whole = `${Math.floor(seconds / step.seconds)} ${step.unit}`
  return rest === 0 ? whole : `${whole} ${rest} ${step.rest.unit}`
}

/** How long ago, or how long until then. */
export const relative = (atMillis: number, nowMillis: number): string =>
  atMillis <= nowMillis ? `${duration(nowMillis - atMillis)} ago` : `in ${duration(atMillis - nowMillis)}`

/** `1 episode`, `2 episodes`. */
export const counted = (count: number, noun: string, plural = `${noun}s`): string =>
  `${count} ${count === 1 ? noun : plural}`

const inThousands = (value: number, units: ReadonlyArray<string>): string => {
  let [scaled, power] = [value, 0]
  for (; scaled >= 999.5 && power < units.length - 1; power++) scaled /= 1000
  return `${Number(scaled.toPrecision(3))} ${units[power]}`
}

/** `1.25 MB/s (10 Mbit/s)`: decimal, as lines are sold. */
export const rate = (bytesPerSecond: number): string =>
  `${inThousands(bytesPerSecond, ["B/s", "kB/s", "MB/s", "GB/s"])} (${inThousands(bytesPerSecond * 8, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"])})`
