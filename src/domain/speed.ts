/** How fast something gets on, by what of it was done when. */

export interface Mark {
  /** Monotonic. */
  readonly nanos: bigint
  /** Done by then. */
  readonly bytes: number
}

/** Two moments to look back to: the last half minute to minute counts, so that a link that was cut or throttled shows. */
export interface Track {
  readonly older: Mark
  readonly newer: Mark
  readonly last: Mark
}

const LOOK_BACK_NANOS = 30_000_000_000n

export const startTrack = (mark: Mark): Track => ({ older: mark, newer: mark, last: mark })

export const advance = ({ older, newer }: Track, mark: Mark): Track =>
  mark.nanos - newer.nanos > LOOK_BACK_NANOS ? { older: newer, newer: mark, last: mark } : { older, newer, last: mark }

/** Bytes per second until `nanos`; 0 when nothing moved. */
export const bytesPerSecond = ({ last, older }: Track, nanos: bigint): number => {
  const millis = Number(nanos - older.nanos) / 1e6
  return millis <= 0 ? 0 : Math.max(((last.bytes - older.bytes) * 1000) / millis, 0)
}
