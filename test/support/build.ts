import { execFileSync } from "node:child_process"
import { join } from "node:path"

/** Bundles the programs before the tests that start them: what is tested is what is installed. */
export const setup = (): void => {
  execFileSync("npm", ["run", "--silent", "build"], { cwd: join(import.meta.dirname, "../.."), stdio: "inherit" })
}
