/** `scripts/install-*.sh` in a booted Debian: from any checkout, from the one they install to, again and again. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { debianRoot } from "../boot/debian.ts"
import { DATA, type Lab, labOn } from "../boot/lab.ts"
import { bootMachine } from "../boot/machine.ts"
import { needTools } from "../support/tools.ts"

const CHECKOUT = join(import.meta.dirname, "../..")
/** Where an operator has cloned it to. */
const CLONE = "/srv/cis490"
const HOME = "/opt/cis490"
const SHIPPER = "cis490-shipper"
const CONFIG = "/etc/cis490/lab-host.toml"
const COMMIT = "1".repeat(40)

/** What a build of the programs does not ask for: the rest is as `npm ci` leaves it. */
const UNNEEDED = ["@effect/tsgo-*", "@typescript", "@biomejs", "typescript", "oxlint", "@oxlint", "vitest", "rolldown"]

let lab: Lab

beforeAll(async () => {
  needTools("tar", "shellcheck")
  lab = labOn(await bootMachine(debianRoot()))
  const clone = lab.at(CLONE)
  fs.mkdirSync(clone)
  const left = [
    ...UNNEEDED.map((name) => `node_modules/${name}`),
    "node_modules/node-linux-*/include",
    "dist",
    ".tsbuild"
  ]
  const excluded = left.map((path) => `--exclude=./${path}`)
  const copy = 'from=$1 to=$2; shift 2; tar -C "$from" "$@" -cf - . | tar -C "$to" --no-same-owner -xf -'
  execFileSync("sh", ["-c", copy, "sh", CHECKOUT, clone, ...excluded])
}, 600_000)
afterAll(async () => lab?.halt(), 600_000)

const pidOf = async (): Promise<string | undefined> => (await lab.unit(SHIPPER))["MainPID"]

test("they are sound shell", () => {
  const scripts = fs.readdirSync(join(CHECKOUT, "scripts")).filter((name) => name.endsWith(".sh"))
  expect(scripts.length).toBeGreaterThan(2)
  const said = execFileSync("shellcheck", ["-x", "-P", "SCRIPTDIR", ...scripts], { cwd: join(CHECKOUT, "scripts") })
  expect(String(said)).toBe("")
})

test("they say what they do, and with --dry-run do nothing", async () => {
  expect(await lab.print(`${CLONE}/scripts/install-lab-host.sh --help`)).toContain("Exit status:")
  expect((await lab.run(`${CLONE}/scripts/install-lab-host.sh --dry`)).code).toBe(2)
  expect(await lab.print(`${CLONE}/scripts/install-lab-host.sh --dry-run`)).toContain("would run: systemd-sysusers")
  expect([HOME, "/usr/local/bin/cis490-shipper", "/etc/cis490"].filter((path) => fs.existsSync(lab.at(path)))).toEqual(
    []
  )
})

test("a first installation moves the checkout home and starts nothing", async () => {
  const said = await lab.print(`${CLONE}/scripts/install-lab-host.sh 2>&1`)
  expect(said).toContain(`set host_id and receiver.url in ${CONFIG}`)
  expect(said).toContain("configuration /etc/cis490/lab-host.toml cannot be used")
  expect(said).toMatch(/^red +config /m)
  expect(await lab.print(`find ${HOME} ! -user cis490`)).toBe("")
  expect(await lab.print("find /usr/local ! -user root")).toBe("")
  expect(await lab.unit(SHIPPER)).toMatchObject({ ActiveState: "inactive" })
  expect(await lab.print("stat -c '%a %U %G' /etc/cis490/lab-host.toml")).toBe("640 root cis490\n")
  expect(await lab.print("man cis490-shipper | cat")).toContain("DESCRIPTION")
})

test("from home it updates: keeps the configuration, drains what is unstamped, restarts what is enabled", async () => {
  lab.write(CONFIG, 'host_id = "lab-01"\n[receiver]\nurl = "http://127.0.0.1:8490"\n', 0o640)
  await lab.print(`chown root:cis490 ${CONFIG}; systemctl enable --now ${SHIPPER}`)
  await lab.record("STAMPED", COMMIT)
  await lab.record("UNSTAMPED", "")
  const before = await pidOf()
  const said = await lab.print(`${HOME}/scripts/install-lab-host.sh 2>&1`)
  expect(await lab.unit(SHIPPER)).toMatchObject({ ActiveState: "active" })
  expect(await pidOf()).not.toBe(before)
  expect(lab.read(CONFIG)).toContain('host_id = "lab-01"\n[receiver]')
  expect(lab.names("quarantine")).toEqual(["UNSTAMPED"])
  expect(lab.names("episodes")).toEqual(["STAMPED"])
  expect(said).toMatch(/cis490-shipper ping\n.*ECONNREFUSED/)
  expect(said).toMatch(/^green +service +cis490-shipper +active, enabled/m)
  expect(await lab.print(`find ${DATA} ! -user cis490`)).toBe("")
})

test("the receiver too, beside it; then the host is let in", async () => {
  await lab.print(`mkdir -p /etc/cis490; printf '[version_gate]\\nenabled = false\\n' > /etc/cis490/receiver.toml`)
  await lab.print(`${CLONE}/scripts/install-receiver.sh && systemctl enable --now cis490-receiver`)
  expect(lab.read("/etc/cis490/receiver.toml")).toBe("[version_gate]\nenabled = false\n")
  const said = await lab.print(`${HOME}/scripts/install-receiver.sh 2>&1`)
  expect(said).toMatch(/^green +service +cis490-receiver +active, enabled/m)
  expect(await lab.print(`${SHIPPER} ping`)).toContain("lets this host in")
})
