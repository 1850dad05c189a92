/** `scripts/install-*.sh` in a booted Debian: from a checkout, and again from the one that is installed. */
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { debianRoot } from "../boot/debian.ts"
import { DATA, type Lab, labOn, toml } from "../boot/lab.ts"
import { bootMachine, eventually } from "../boot/machine.ts"

const CHECKOUT = join(import.meta.dirname, "../..")
const ELSEWHERE = "/root/checkout"
const HOME = "/opt/cis490"
const SHIPPER = "cis490-shipper"
const RECEIVER = "cis490-receiver"

/** What the scripts need of the checkout, as `npm ci` has left it: there is no registry in the machine. */
const CARRY = `
  cd "$1"
  modules=$(npm ls --all --parseable --omit=dev | sed -n "s#^$1/##p"; echo node_modules/esbuild; ls -d node_modules/@esbuild/*)
  mkdir "$2"
  tar -cf - package.json package-lock.json .gitignore tsconfig.json CHANGELOG.md LICENSE etc src layers packaging scripts \\
    node_modules/.bin node_modules/.package-lock.json $modules | tar -xf - -C "$2" --no-same-owner
`

let lab: Lab

beforeAll(async () => {
  lab = labOn(await bootMachine(debianRoot()))
  execFileSync("bash", ["-euc", CARRY, "bash", CHECKOUT, lab.at(ELSEWHERE)], { stdio: ["ignore", "ignore", "pipe"] })
  await lab.print(`
    cd ${ELSEWHERE}
    git init --quiet --initial-branch=main
    git add --all
    git -c user.name=lab -c user.email=lab@example.org commit --quiet -m installed
  `)
}, 600_000)
afterAll(async () => lab?.halt(), 60_000)

const INSTALLED = "find /usr/local /etc/cis490 -type f ! -name '*.toml' -exec sha256sum {} + | sort"

test("a first installation, from elsewhere: everything is there, nothing runs, and what is still to be done is said", async () => {
  const receiver = await lab.print(`${ELSEWHERE}/scripts/install-receiver.sh`)
  expect(receiver).toContain(`copying ${ELSEWHERE} to ${HOME}`)
  expect(receiver).toContain("sudo systemctl enable --now cis490-receiver")
  const shipper = await lab.print(`${HOME}/scripts/install-lab-host.sh`)
  expect(shipper).toContain("set host_id and receiver.url")
  expect(shipper).toMatch(/^red +config/m)
  expect(await lab.print(`stat -c %U ${HOME}/.git/HEAD`)).toBe("cis490\n")
  for (const unit of [RECEIVER, SHIPPER]) expect((await lab.unit(unit))["ActiveState"]).toBe("inactive")
}, 600_000)

test("configured and enabled, it ships by the commit of the checkout that is installed", async () => {
  const token = "token-of-lab-01"
  lab.write("/etc/cis490/receiver.toml", toml({ "auth.hosts": { "lab-01": token } }))
  lab.write(
    "/etc/cis490/lab-host.toml",
    toml({ "": { host_id: "lab-01" }, receiver: { url: "http://127.0.0.1:8490", bearer_token: token } })
  )
  await lab.print(`systemctl enable --now --quiet ${RECEIVER} && systemctl enable --now --quiet ${SHIPPER}`)
  const head = await lab.print(`git -c safe.directory=* -C ${HOME} rev-parse HEAD`)
  await lab.record("01FIRST", head.trim())
  await eventually("it is shipped", () => lab.names("shipped").includes("01FIRST"))
})

test("again, from where it is installed: the same files, the same configuration, what is unstamped drained, what is enabled restarted", async () => {
  const before = { files: await lab.print(INSTALLED), config: await lab.print("cat /etc/cis490/*.toml") }
  const pids = async () => [(await lab.unit(RECEIVER))["MainPID"], (await lab.unit(SHIPPER))["MainPID"]]
  const old = await pids()
  await lab.print(`systemctl stop ${SHIPPER}`)
  await lab.record("02UNSTAMPED", "")

  await lab.print(`${HOME}/scripts/install-receiver.sh`)
  const said = await lab.print(`${HOME}/scripts/install-lab-host.sh`)
  expect(said).toContain("http://127.0.0.1:8490 answers, and lets this host in")
  expect(said).toMatch(/^green +receiver/m)
  expect(lab.read(`${DATA}/quarantine/02UNSTAMPED/quarantine_reason.json`)).toContain('"unstamped"')
  expect({ files: await lab.print(INSTALLED), config: await lab.print("cat /etc/cis490/*.toml") }).toEqual(before)
  for (const unit of [RECEIVER, SHIPPER]) expect((await lab.unit(unit))["ActiveState"]).toBe("active")
  const now = await pids()
  expect(now.filter((pid) => old.includes(pid))).toEqual([])
}, 600_000)
