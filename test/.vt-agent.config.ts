import { defineConfig } from "vitest/config"
export default defineConfig({ test: { root: "/work/main/test", include: ["**/*.test.ts"], testTimeout: 300000, hookTimeout: 300000 } })
