/** `docs/operating.md`, as an operator does it in a booted Debian that has nothing of ours: install, watch, mend, upgrade, remove. */

import * as fs from "node:fs"
import { basename, join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { makeCode } from "../boot/code.ts"
import { debianRoot } from "../boot/debian.ts"
import { type Lab, labOn } from "../boot/lab.ts"
import { bootMachine, eventually } from "../boot/machine.ts"
import { packages } from "../boot/packages.ts"
import { notSaid, readPage, type Step } from "../boot/transcript.ts"

const PAGE = join(import.meta.dirname, "../../docs/operating.md")
const KIT = "/root"
const EPISODE = "01JD3Z8Q7T2M6V9B4K5N1R0WXY"

let lab: Lab

beforeAll(async () => {
  lab = labOn(await bootMachine(debianRoot()))
  const { first, next } = packages()
  for (const path of [...first, next]) fs.copyFileSync(path, lab.at(join(KIT, basename(path))))
}, 600_000)
afterAll(async () => lab?.halt(), 60_000)

const meanwhile: Readonly<Record<string, () => Promise<unknown>>> = {
  code: () => makeCode(lab),
  carry: () => lab.print(`cp /var/lib/cis490-receiver/pki/hosts/lab-01/* ${KIT}`)
}

const run = async (step: Step): Promise<void> => {
  if (step._tag === "Meanwhile") await meanwhile[step.what]?.()
  else if (step._tag === "Write") lab.write(step.path, step.text, 0o640)
  else {
    const { stdout } = await lab.run(`cd ${KIT}; { ${step.command}\n} 2>&1`)
    console.log(`$ ${step.command}\n${stdout}`)
  }
}

test("x", async () => {
  for (const step of readPage(PAGE)) await run(step)
}, 600_000)
