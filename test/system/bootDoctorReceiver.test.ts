/** `cis490-receiver doctor` in a booted Debian: what is really wrong is found, and what it prints mends it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { CENTRAL, type Code, makeCode } from "../boot/code.ts"
import { type Doctor, makeDoctor } from "../boot/doctor.ts"
import { bootLab, type ConfiguredLab, STORE, TOKEN } from "../boot/lab.ts"
import { eventually } from "../boot/machine.ts"

const SHIPPER = "cis490-shipper"
const RECEIVER = "cis490-receiver"
const HOME = "/var/lib/cis490-receiver"
const CONFIG = "/etc/cis490/receiver.toml"
const GATE = { enabled: true, repo_path: CENTRAL, window: 100, cache_ttl_s: 0.1 }
const MIB = 1024 * 1024

let lab: ConfiguredLab
let doctor: Doctor
let code: Code

beforeAll(async () => {
  lab = await bootLab({
    shipper: { shipper: { scan_interval_s: 0.2, backoff_seconds: [0.3], checkin_interval_s: 0 } },
    receiver: { version_gate: GATE }
  })
  code = await makeCode(lab)
  doctor = makeDoctor(lab, RECEIVER)
  await lab.print(`systemctl enable --now --quiet ${RECEIVER}; systemctl enable --now --quiet ${SHIPPER}`)
}, 600_000)
afterAll(async () => lab?.halt(), 600_000)

const ship = async (id: string): Promise<void> => {
  await lab.record(id, await code.head())
  await eventually(`${id} is stored`, () => lab.stored().includes(`${id}.tar.zst`))
  await eventually(`${id} is retired`, () => lab.names("shipped").includes(id))
}

test("a receiver that is well is green, in words and as JSON", async () => {
  await ship("01WELL")
  await doctor.isAllGreen()
  const { code: status, stdout } = await lab.run(`${RECEIVER} doctor`)
  expect(status).toBe(0)
  expect(stdout).toMatch(/^green {3}gate {9}\/srv\/lab.git +git: 1 of the last 100 commits/m)
})

test("red: a key that is none", async () => {
  await lab.print(`sed -i 's/^\\[version_gate\\]/[version_gate]\\nwindows = 5/' ${CONFIG}`)
  await doctor.findsAndCures("red", "config", /windows/, { edit: "/windows/d" })
})

describe("service and health", () => {
  test.each([
    ["red", "service", "systemctl stop cis490-receiver", /^stopped/],
    ["red", "health", "systemctl stop cis490-receiver", /^does not answer/],
    ["yellow", "service", "systemctl disable cis490-receiver", /not started at the next boot/]
  ] as const)("%s %s: %s", async (state, check, cause, words) => {
    await lab.run(cause)
    await doctor.findsAndCures(state, check, words)
    await doctor.isAllGreen("hosts")
  })
})

describe("directories", () => {
  test("red: one is gone", async () => {
    await lab.print(`systemctl stop ${RECEIVER}; rm -r ${HOME}/incoming`)
    await doctor.findsAndCures("red", "directories", /^not there: .*incoming$/)
  })
  test("red: one belongs to somebody else", async () => {
    await lab.print(`chown root: ${HOME}/incoming`)
    await doctor.findsAndCures("red", "directories", /^not owned by .*incoming$/)
    await lab.print(`systemctl restart ${RECEIVER}`)
  })
  test("yellow: what is not ours in incoming/; what nobody goes on with", async () => {
    await lab.print(`touch ${HOME}/incoming/'a b'`)
    await doctor.findsAndCures("yellow", "incoming", /^not ours: "a b"/)
  })
})

describe("a disk that fills up", () => {
  beforeAll(async () => {
    lab.configureReceiver({ limits: { min_free_bytes: 16 * MIB } })
    await lab.print(`
      systemctl stop ${RECEIVER}
      mount -t tmpfs -o size=64M,nr_inodes=1000,mode=750,uid=$(id -u cis490),gid=$(id -g cis490) tmpfs ${HOME}
      systemctl start ${RECEIVER}
    `)
  })
  afterAll(async () => {
    lab.configureReceiver()
    await lab.print(`systemctl stop ${RECEIVER}; umount ${HOME}; systemctl start ${RECEIVER}`)
  })
  test.each([
    ["yellow", 40],
    ["red", 54]
  ] as const)("%s: little space", async (state, size) => {
    const hog = `${HOME}/store/hog`
    await lab.print('head -c "$1"M /dev/zero > "$2"', String(size), hog)
    const row = await doctor.finds(state, "space", /the floor is 16/)
    if (state === "red") await doctor.finds("red", "health", /^cannot store now/)
    await doctor.cures(row, {
      afterwards: async (printed) => {
        expect(printed).toContain(hog)
        await lab.print(`rm ${hog}`)
      }
    })
  })
})

describe("the gate", () => {
  const cases = [
    ["yellow", "off", { enabled: false }, /^off: /, "s/enabled = false/enabled = true/"],
    [
      "red",
      "without a repository",
      { ...GATE, repo_path: "/srv/nothing" },
      /no source gives/,
      "s#/srv/nothing#/srv/lab.git#"
    ],
    ["red", "on a branch that is none", { ...GATE, branch: "mian" }, /there is no branch mian/, "s/mian/main/"]
  ] as const
  test.each(cases)("%s: %s", async (state, _, gate, words, edit) => {
    lab.configureReceiver({ version_gate: { ...GATE, ...gate } })
    const row = await doctor.finds(state, "gate", words)
    // What a person does who has looked closer is to open the configuration.
    await doctor.cures(row, { edit, afterwards: async () => void (await lab.run(`sed -i '${edit}' ${CONFIG}`)) })
  })
  test("yellow: on a shallow checkout", async () => {
    await code.push(3)
    await lab.print("cd /; runuser -u cis490 -- git clone --quiet --depth 1 file:///srv/lab.git /var/tmp/shallow")
    lab.configureReceiver({ version_gate: { ...GATE, repo_path: "/var/tmp/shallow" } })
    await doctor.findsAndCures("yellow", "gate", /shallow and knows 1 of the last 100/)
    lab.configureReceiver()
  })
})

describe("the index and the store", () => {
  test("red: a stored file is gone; its host sends it again", async () => {
    await ship("10LOST")
    await lab.print(`rm ${STORE}/lab-01/10LOST.tar.zst`)
    await doctor.findsAndCures("red", "index", /^1 row without a stored file: lab-01\/10LOST/)
    expect(lab.stored()).toContain("10LOST.tar.zst")
  })
  test("red: a stored file is cut; set aside, and sent again by its host", async () => {
    await ship("11CUT")
    await lab.print(`truncate -s 10 ${STORE}/lab-01/11CUT.tar.zst`)
    await doctor.findsAndCures("red", "index", /another size than their rows say: lab-01\/11CUT/)
    await doctor.findsAndCures("yellow", "damaged", /lab-01\/11CUT/)
    expect(lab.stored()).toContain("11CUT.tar.zst")
  })
  test("yellow: a stored file without its row", async () => {
    await ship("12UNLISTED")
    await lab.print(`systemctl stop ${RECEIVER}; sed -i /12UNLISTED/d ${HOME}/index.jsonl; systemctl start ${RECEIVER}`)
    await doctor.findsAndCures("yellow", "index", /^1 stored file without a row: lab-01\/12UNLISTED/)
  })
})

test("yellow: a host that has been quiet for hours; its own doctor lets it be heard", async () => {
  await lab.print(`${SHIPPER} ping`)
  const file = `${HOME}/hosts/lab-01.json`
  await lab.print(`sed -i -E 's/("seen_at": *")[^"]+/\\1'"$(date -u -d '3 hours ago' +%FT%T.000Z)"'/g' ${file}`)
  await lab.print(`systemctl restart ${RECEIVER}`)
  const row = await doctor.finds("yellow", "hosts", /^has said nothing for 3 h/)
  expect(row.mend).toBe("sudo cis490-shipper doctor  # on lab-01")
  await doctor.cures(row)
})

describe("TLS", () => {
  const PKI = `${HOME}/pki`
  const CERT = `${PKI}/servers/localhost/server.pem`
  const issue = `${RECEIVER} pki issue --server localhost --server 127.0.0.1`
  beforeAll(async () => {
    await lab.print(`faketime '-100 days' ${RECEIVER} pki init && ${issue}`)
    lab.configureReceiver({ tls: { cert: CERT, key: CERT.replace(/pem$/, "key") } })
    await lab.print(`systemctl restart ${RECEIVER}`)
  })
  test.each([
    ["yellow", "--days 10", "", /^expires in (9|10) d/],
    ["red", "--days 1", "", /^expires in (23 h|1 d)/],
    ["red", "--days 20", "faketime '-30 days'", /^expired/]
  ] as const)("%s: a certificate of %s %s", async (state, days, faked, words) => {
    await lab.print(`${faked} ${issue} ${days}`)
    const row = await doctor.findsAndCures(state, "tls", words)
    expect(row.mend).toBe("sudo cis490-receiver pki issue --server localhost --server 127.0.0.1")
  })
  test("red: a certificate that is not there; green: one of another authority", async () => {
    await lab.print(`mv ${CERT} /var/tmp/kept`)
    await doctor.finds("red", "tls", /^not there$/)
    await lab.print(`mv /var/tmp/kept ${CERT}`)
    await doctor.finds("green", "tls", /^expires in/)
  })
})

test("a bundle has what a maintainer would ask for, and no secret", async () => {
  await lab.print(`${RECEIVER} doctor --bundle /var/tmp/bundle.tar.zst || test $? = 1; mkdir /var/tmp/bundle`)
  await lab.print("tar --zstd -C /var/tmp/bundle -xf /var/tmp/bundle.tar.zst")
  const files = (await lab.print("cd /var/tmp/bundle && find . -type f | sort")).split("\n")
  for (const name of ["config.json", "doctor.json", "hosts.json", "journal.txt", "service.json", "store.txt"]) {
    expect(files).toContain(`./cis490-receiver-doctor/${name}`)
  }
  const { stdout } = await lab.run(`grep -rlE -e "$1" -e 'PRIVATE KEY' /var/tmp/bundle || true`, TOKEN)
  expect(stdout).toBe("")
})
