/** `node packaging/stage.ts FOLDER NAME…`: what the packages put below /usr, for /usr/local, into a folder; for scripts/. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bundle } from "./bundle.ts"
import { filesOf } from "./files.ts"
import { nodeFor } from "./node.ts"
import { programs } from "./programs.ts"
import { writeTree } from "./tree.ts"

process.umask(0o022)
const [folder, ...names] = process.argv.slice(2)
if (folder === undefined) throw new Error("say into which folder")
const scratch = mkdtempSync(join(tmpdir(), "cis490-stage-"))
try {
  const node = nodeFor(`node-linux-${process.arch}`, scratch)
  for (const program of programs.filter(({ name }) => names.includes(name))) {
    const { code } = await bundle(program.name)
    writeTree(folder, await filesOf(program, "/usr/local", code, node))
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
