import { defineConfig } from "vitest/config"

/** Tiers by folder: `unit` is fast and pure, `integration` needs Node only, `system` needs what `.ci/run` installs. */
const tier = (name: string, folders: ReadonlyArray<string>, testTimeout: number, globalSetup: Array<string> = []) => ({
  test: {
    name,
    globalSetup,
    root: import.meta.dirname,
    include: folders.map((folder) => `${folder}/**/*.test.ts`),
    testTimeout,
    hookTimeout: testTimeout
  }
})

export default defineConfig({
  test: {
    projects: [
      tier("unit", ["unit"], 10_000),
      tier("integration", ["contract", "integration"], 60_000, ["support/build.ts"]),
      tier("sim", ["sim"], 300_000),
      tier("fuzz", ["fuzz"], 300_000),
      tier("system", ["system"], 300_000, ["support/build.ts"])
    ]
  }
})
