/** Whose work is in a package, in full. */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { CHECKOUT, read } from "./checkout.ts"

const RULE = `\n${"-".repeat(72)}\n\n`

const licenseFile = (folder: string): string | undefined =>
  readdirSync(join(CHECKOUT, folder)).find((name) => /^licen[cs]e/i.test(name))

/** npm packages may leave the text out and name the license only. */
const words = (folder: string): string => {
  const { author, license, name, version } = JSON.parse(read(`${folder}/package.json`))
  const file = licenseFile(folder)
  const by = typeof author === "string" ? author : (author?.name ?? "its authors")
  return `${name} ${version}\n\n${file === undefined ? `By ${by}. License: ${license}.\n` : read(`${folder}/${file}`)}`
}

export const copyright = (packages: ReadonlyArray<string>, nodeLicense: string): string =>
  [
    `CIS490\n\n${read("LICENSE")}`,
    "The program is bundled into one file; what follows is in it, or is the Node.js that runs it.\n",
    ...packages.map(words),
    `Node.js\n\n${nodeLicense}`
  ]
    .join(RULE)
    .replaceAll("\r\n", "\n")
