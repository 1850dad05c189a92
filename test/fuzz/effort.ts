/**
 * Foreign bytes, whatever they are: a typed answer, no crash, no hang, nothing left behind.
 *
 * `decoders/` is the table of everything that reads what others wrote: `decoders.test.ts` throws sound, damaged and senseless input
 * at every row, and fails when a file in `src` reads foreign bytes and stands in no row. The other tests hold what takes more than
 * one decoder: streams in any pieces, writer against reader, a whole receiver.
 *
 * The inputs are the same in every run. For a longer look, or another one:
 *   CIS490_FUZZ_RUNS=20000 CIS490_FUZZ_SEED=random npx vitest run --config test/vitest.config.ts --project fuzz --testTimeout=0
 * A failure prints its seed and path: give the seed as `CIS490_FUZZ_SEED`. What was found once stands as an example for ever.
 */
import * as fc from "fast-check"
import { afterEach, expect } from "vitest"

const runs = Number(process.env.CIS490_FUZZ_RUNS ?? 2000)
const seed = process.env.CIS490_FUZZ_SEED ?? "490"

fc.configureGlobal({ numRuns: runs, ...(seed === "random" ? {} : { seed: Number(seed) }) })

/** For properties that cost more than most: a part of the runs. */
export const part = (share: number) => ({ numRuns: Math.max(1, Math.round(runs * share)) })

const prototypes = [Object.prototype, Array.prototype, String.prototype, Function.prototype, Map.prototype]
const namesOf = () => prototypes.map((prototype) => Reflect.ownKeys(prototype))
const clean = namesOf()

/** No input may put anything where every object finds it. */
export const expectUnpolluted = (): void => expect(namesOf()).toEqual(clean)

afterEach(expectUnpolluted)
