/** The shipper with a mistake in it, bundled as the real one is. */

import { join } from "node:path"
import { build } from "esbuild"
import type { Mistake } from "../sim/mistakes/mistakes.ts"
import { withMistake } from "../sim/mistakes/plant.ts"

const CHECKOUT = join(import.meta.dirname, "../..")

/** An episode whose name says so is never done with: the pass hangs while everything else in the program runs on. */
export const hangingPass: Mistake = {
  name: "a pass that hangs",
  file: "src/shipper/attend.ts",
  find: 'if (!(yield* isReady(id))) return outcome("notReady")',
  replace:
    'if (!(yield* isReady(id))) return outcome("notReady")\n    if (id.includes("HANGS")) return yield* Effect.never',
  promise: "a stall is killed and restarted"
}

export const bundleWith = async (mistake: Mistake, outfile: string): Promise<void> => {
  const file = join(CHECKOUT, mistake.file)
  const planted = { contents: withMistake(mistake), loader: "ts" as const, resolveDir: join(file, "..") }
  await build({
    entryPoints: [join(CHECKOUT, "layers/cis490-shipper.ts")],
    bundle: true,
    platform: "node",
    target: "node26",
    format: "cjs",
    outfile,
    logLevel: "error",
    plugins: [
      {
        name: "planted",
        setup: (building) => building.onLoad({ filter: /\.ts$/ }, ({ path }) => (path === file ? planted : undefined))
      }
    ]
  })
}
