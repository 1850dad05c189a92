/** Plans that broke a promise once, or would with one of the planted mistakes, smaller than they were. They are run every time. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Plan } from "./plan/plan.ts"

const FOLDER = join(import.meta.dirname, "regressions")

export const regressions = (): ReadonlyArray<Plan> =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith(".json"))
    .toSorted()
    .map((name) => JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as Plan)
