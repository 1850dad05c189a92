/**
 * How long to wait after `failures` (1 or more) passes in a row that the receiver or the way to it stopped: anything between 0 and
 * the entry, "full jitter", so that hosts cut off together do not come back together. The last entry repeats.
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export const backoffSeconds = (table: ReadonlyArray<number>, failures: number, random: number): number =>
  (table[Math.min(failures, table.length) - 1] ?? 0) * random
