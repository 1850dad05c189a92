/** A program as one file, and what has gone into it. */
import { join } from "node:path"
import { build } from "esbuild"
import { CHECKOUT } from "./checkout.ts"

export interface Bundle {
  readonly code: string
  /** The npm packages of which something is in it, by their folders in the checkout. */
  readonly packages: ReadonlyArray<string>
}

const packageFolder = (input: string): ReadonlyArray<string> => {
  const found = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(input)
  return found === null ? [] : [found[0]]
}

/** As `npm run build` does it. */
export const bundle = async (name: string): Promise<Bundle> => {
  const { metafile, outputFiles } = await build({
    absWorkingDir: CHECKOUT,
    entryPoints: [`layers/${name}.ts`],
    bundle: true,
    platform: "node",
    target: "node26",
    format: "cjs",
    minifySyntax: true,
    minifyWhitespace: true,
    outfile: join(CHECKOUT, "dist", `${name}.cjs`),
    logLevel: "warning",
    metafile: true,
    write: false
  })
  const [output] = outputFiles
  if (output === undefined) throw new Error(`${name}: nothing was built`)
  const inputs = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []))
  )
  // Started by its launcher, never by itself.
  const code = output.text.replace(/^#!.*\n/, "")
  return { code, packages: [...new Set(inputs.flatMap(packageFolder))].toSorted() }
}
