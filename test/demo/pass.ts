import type { Lab } from "./lab.ts"

/** The five counts of a pass, as `once` prints them. */
const countsOf = (printed: string) => {
  const [scanned, ...rest] = [...printed.matchAll(/ (\d+)$/gm)].map(([, count]) => Number(count))
  const [shipped, again, conflicts, fatal] = rest
  return { scanned, shipped, again, conflicts, fatal }
}

export const passes = async ({ run, show }: Lab, claim: string, wanted: ReturnType<typeof countsOf>) => {
  const { status, stdout } = await run("cis490-shipper", "once")
  show.check(claim, countsOf(stdout), wanted)
  const allShipped = wanted.shipped === wanted.scanned
  show.check(`and exits ${allShipped ? 0 : 1}`, status, allShipped ? 0 : 1)
}
