/** What `npx` starts from a checkout. */
import * as fs from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"

const ROOT = join(import.meta.dirname, "../..")
const { bin } = JSON.parse(fs.readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly bin: Readonly<Record<string, string>>
}

test.each(Object.entries(bin))("%s can be started as it is", (_, file) => {
  expect(fs.readFileSync(join(ROOT, file), "utf8").split("\n")[0]).toBe("#!/usr/bin/env node")
  expect(fs.statSync(join(ROOT, file)).mode & 0o111).toBe(0o111)
})
