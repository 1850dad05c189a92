import { execFileSync } from "node:child_process"

const STEPS = `
const fs = require("node:fs")
process.chdir(process.argv[1])
for (let i = 0; i < 60; i++) {
  fs.mkdirSync("d".repeat(100))
  process.chdir("d".repeat(100))
}
fs.writeFileSync("x", "")
`

/** Makes a tree below `directory` whose full path is longer than the kernel takes in one call (PATH_MAX). */
export const makeDeep = (directory: string): void => {
  execFileSync(process.execPath, ["-e", STEPS, directory])
}
