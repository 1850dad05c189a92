/** `docs/operating.md`, done by an operator in a booted Debian that has nothing of ours: install, watch, mend, upgrade, remove. */
import * as fs from "node:fs"
import { basename, join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Code, makeCode } from "../boot/code.ts"
import { debianRoot } from "../boot/debian.ts"
import { DATA, type Lab, labOn, STORE } from "../boot/lab.ts"
import { bootMachine, eventually } from "../boot/machine.ts"
import { packages } from "../boot/packages.ts"
import { notSaid, readPage, type Step } from "../boot/transcript.ts"

const PAGE = join(import.meta.dirname, "../../docs/operating.md")
/** Where the operator has put the packages. */
const KIT = "/root"
const CONFIG = "/etc/cis490/lab-host.toml"
const SHIPPER = "cis490-shipper"
const RECEIVER = "cis490-receiver"
const [FIRST, LATER, UNSTAMPED] = [
  "01JD3Z8Q7T2M6V9B4K5N1R0WXY",
  "01JD3Z9Q7T2M6V9B4K5N1R0WXY",
  "01JD3ZAQ7T2M6V9B4K5N1R0WXY"
]

let lab: Lab
let code: Code

beforeAll(async () => {
  lab = labOn(await bootMachine(debianRoot()))
  const { first, next } = packages()
  for (const path of [...first, next]) fs.copyFileSync(path, lab.at(join(KIT, basename(path))))
}, 600_000)
afterAll(async () => lab?.halt(), 600_000)

const isShipped = (id: string) => eventually(`${id} is shipped`, () => lab.names("shipped").includes(id))

/** What happens while the reader turns the page. */
const meanwhile: Readonly<Record<string, () => Promise<unknown>>> = {
  code: async () => {
    expect(await lab.unit(RECEIVER)).toMatchObject({ ActiveState: "inactive" })
    code = await makeCode(lab)
  },
  carry: () => lab.print(`cp /var/lib/cis490-receiver/pki/hosts/lab-01/* ${KIT}`),
  record: async () => {
    await lab.record(FIRST, await code.head())
    await isShipped(FIRST)
    expect(lab.stored()).toEqual([`${FIRST}.tar.zst`])
  },
  outage: async () => {
    await lab.print(`systemctl stop ${RECEIVER}`)
    await lab.record(LATER, await code.head())
    await eventually("it is said", async () => (await lab.log(SHIPPER, "--priority=err")).length > 0)
  },
  unstamped: async () => {
    await isShipped(LATER)
    await lab.print(`systemctl stop ${RECEIVER}`)
    await lab.record(UNSTAMPED, "")
    await eventually("it is packed", () => lab.names("outbox").includes(`${UNSTAMPED}.tar.zst`))
  }
}

const take = async (step: Step): Promise<void> => {
  if (step._tag === "Meanwhile") return void (await meanwhile[step.what]?.())
  if (step._tag === "Write") return lab.write(step.path, step.text, 0o640)
  const { stdout } = await lab.run(`cd ${KIT}; { ${step.command}\n} 2>&1`)
  const missing = notSaid(step.shown, stdout)
  if (missing !== undefined) {
    throw new Error(`docs/operating.md:${step.line}: ${step.command}\ndid not say: ${missing}\nbut:\n${stdout}`)
  }
}

const steps = readPage(PAGE)
const upgrade = steps.findIndex((step) => step._tag === "Run" && step.command.includes("0.1.0-2"))
const removal = steps.findIndex((step) => step._tag === "Run" && step.command.includes("apt-get remove"))
const takeAll = async (some: ReadonlyArray<Step>): Promise<void> => {
  for (const step of some) await take(step)
}

test("install, ping, doctor, status, logs, an outage and its mend, a bundle: all is as the page says", async () => {
  await takeAll(steps.slice(0, upgrade))
})

test("an upgrade keeps the configuration, drains what is unstamped and restarts what runs", async () => {
  const before = { config: lab.read(CONFIG), pid: (await lab.unit(SHIPPER))["MainPID"] }
  await takeAll(steps.slice(upgrade, removal))
  expect(lab.read(CONFIG)).toBe(before.config)
  const { ActiveState, MainPID } = await lab.unit(SHIPPER)
  expect(ActiveState).toBe("active")
  expect(MainPID).not.toBe(before.pid)
  expect(lab.read(`${DATA}/quarantine/${UNSTAMPED}/quarantine_reason.json`)).toContain('"unstamped"')
})

test("man pages, completions and units are there and sound", async () => {
  for (const program of [SHIPPER, RECEIVER]) {
    expect(await lab.print('man "$1" | cat', program)).toContain("DESCRIPTION")
    expect(await lab.print('bash -n "/usr/share/bash-completion/completions/$1" && echo sound', program)).toContain(
      "sound"
    )
    expect((await lab.run('systemd-analyze verify "$1.service"', program)).stderr).not.toContain(program)
  }
  expect(await lab.print("man 5 lab-host.toml | cat; man 5 receiver.toml | cat")).toContain("receiver.url")
})

test("a removal stops it and keeps what is the operator's; a purge keeps what nobody could make again", async () => {
  const isPurge = (step: Step): boolean => step._tag === "Run" && step.command.includes("purge")
  await takeAll(steps.slice(removal).filter((step) => !isPurge(step)))
  expect((await lab.run(`systemctl is-active ${SHIPPER}`)).stdout.trim()).not.toBe("active")
  expect(fs.existsSync(lab.at(CONFIG))).toBe(true)
  await takeAll(steps.slice(removal).filter(isPurge))
  expect(fs.existsSync(lab.at(CONFIG))).toBe(false)
  expect(lab.names("shipped")).toContain(FIRST)
  expect(fs.readdirSync(lab.at(`${STORE}/lab-01`))).toContain(`${FIRST}.tar.zst`)
})
