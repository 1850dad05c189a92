/** The processes that are recorded: `workload.ts NAME [DIRECTORY]` works until it is stopped or whoever started it is gone. */
import { randomBytes } from "node:crypto"
import { opendirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setImmediate, setTimeout } from "node:timers/promises"
import { gzipSync } from "node:zlib"

const compressor = async (scratch: string) => {
  const text = randomBytes(256 * 1024).toString("hex")
  while (true) {
    writeFileSync(join(scratch, "compressed.gz"), gzipSync(text))
    await setImmediate()
  }
}

const walkOnce = async (top: string) => {
  const pending = [top]
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    using directory = opendirSync(path)
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      if (entry.isDirectory() && !entry.name.startsWith(".")) pending.push(join(path, entry.name))
      else if (entry.isFile() && /\.(json|md|ts)$/.test(entry.name)) readFileSync(join(path, entry.name))
    }
    await setImmediate()
  }
}

const walk = async (top: string) => {
  while (true) await walkOnce(top)
}

const idle = async () => {
  while (true) await setTimeout(500)
}

const WORK: Readonly<Record<string, (directory: string) => Promise<never>>> = { compressor, walk, idle }

const [name = "", directory = "."] = process.argv.slice(2)
const work = WORK[name]
if (work === undefined) throw new Error(`no such workload: "${name}"; there are ${Object.keys(WORK).join(", ")}`)

process.stdin.on("close", () => process.exit(0)).resume()
console.log("working")
await work(directory)
