import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { type Agreement } from "../../src/doctor/receiver/agreement.ts"
import { addressOf, judgeAuth, judgeHealth } from "../../src/doctor/receiver/door.ts"
import { type GateMends, gateOff, gateWithout, judgeGate } from "../../src/doctor/receiver/gate.ts"
import { judgeHosts } from "../../src/doctor/receiver/hosts.ts"
import { judgeAgreement } from "../../src/doctor/receiver/index.ts"
import { makeLedger } from "../../src/doctor/receiver/ledger.ts"
import { judgeDamaged, judgeIncoming } from "../../src/doctor/receiver/leftovers.ts"
import { makeFingerprint } from "../../src/doctor/receiver/names.ts"
import { namesIn } from "../../src/doctor/receiver/ourLine.ts"
import { Commit, EpisodeId, HostId, Sha256 } from "../../src/domain/names.ts"
import { formatTime } from "../../src/domain/time.ts"
import { type HostRow, remembered } from "../../src/receiver/hosts.ts"
import { formatRow } from "../../src/receiver/rowLine.ts"
import { SourceFailed } from "../../src/services/CommitSource.ts"

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOW = 1_800_000_000_000
const lab = HostId.make("lab-1")
const E1 = EpisodeId.make("E1")

describe("the gate", () => {
  const commit = Commit.make("a".repeat(40))
  const good = (shortfall?: string) =>
    Result.succeed({ commits: [commit] as const, ...(shortfall !== undefined && { shortfall }) })
  const bad = (message: string) => Result.fail(new SourceFailed({ source: "x", message }))
  const settings = { branch: "main", repo_owner: "lab", repo_name: "cis490", window: 100 }
  const forgejo: GateMends = {
    asRoot: "as root",
    edit: "edit",
    repoPath: "/opt/cis490",
    settings: { ...settings, forgejo_url: "https://git.wg" }
  }
  const git: GateMends = { asRoot: "as root", edit: "edit", repoPath: "/opt/cis490", settings }
  const curl = "curl -sS 'https://git.wg/api/v1/repos/lab/cis490/commits?sha=main&limit=1'"

  it.each([
    ["its first source", { first: { name: "forgejo", answer: good() } }, forgejo, "green", null],
    [
      "a shallow checkout",
      { first: { name: "git", answer: good("it is shallow") } },
      git,
      "yellow",
      'sudo -u "$(stat -c %U /opt/cis490)" git -C /opt/cis490 fetch --unshallow'
    ],
    [
      "the fallback",
      { first: { name: "forgejo", answer: bad("down") }, fallback: { name: "git", answer: good() } },
      forgejo,
      "yellow",
      curl
    ],
    [
      "nothing",
      { first: { name: "forgejo", answer: bad("down") }, fallback: { name: "git", answer: bad("none") } },
      forgejo,
      "red",
      curl
    ],
    [
      "nothing, without a fallback",
      { first: { name: "git", answer: bad("no branch") } },
      git,
      "red",
      "git -c safe.directory='*' -C /opt/cis490 log -1 --format=%H main"
    ],
    [
      "a server that wants a token",
      { first: { name: "forgejo", answer: bad("it wants a token: set version_gate.auth_token_file") } },
      forgejo,
      "red",
      "edit"
    ]
  ] as const)("on %s", (_, asked, mends, state, mend) => expect(judgeGate(asked, mends)).toMatchObject({ state, mend }))

  it.each([
    ["version_gate.auth_token is not accepted", "sudoedit /etc/t"],
    ["token file /etc/t is empty", "sudoedit /etc/t"],
    ["token file /etc/t may not be read by this user", "as root"]
  ])("a token file that is wrong is mended there: %s", (message, mend) => {
    const mends = { ...forgejo, settings: { ...forgejo.settings, auth_token_file: "/etc/t" } }
    expect(judgeGate({ first: { name: "forgejo", answer: bad(message) } }, mends).mend).toBe(mend)
  })
  it("off is yellow, without a source red", () => {
    expect(gateOff("edit")).toMatchObject({ state: "yellow", mend: "edit" })
    expect(gateWithout("edit")).toMatchObject({ state: "red", mend: "edit" })
  })
})

describe("the index", () => {
  const none = { count: 0, named: [] }
  const some = { count: 7, named: ["lab-1/E1", "lab-1/E2"] }
  const well: Agreement = {
    files: 2,
    rows: 2,
    missing: none,
    unindexed: none,
    otherSize: [],
    sampled: 2,
    unreadable: 0
  }
  const mends = { verify: "verify", setAside: "set aside", backfill: "backfill" }
  it.each([
    ["agrees", {}, false, "green", null],
    [
      "has rows without files",
      { missing: some, unindexed: some },
      false,
      "red",
      "sudo cis490-shipper reship E1 E2  # on lab-1"
    ],
    ["has files of another size", { otherSize: ["lab-1/E1"] }, false, "red", "set aside"],
    ["lacks rows", { unindexed: some }, false, "yellow", "backfill"],
    ["was torn", {}, true, "yellow", "backfill"],
    ["has lines that are no rows", { unreadable: 1 }, false, "yellow", "verify"]
  ] as const)("%s", (_, over, torn, state, mend) => {
    expect(judgeAgreement({ ...well, ...over }, torn, mends)).toMatchObject({ state, mend })
  })
  it("says how many and which", () => {
    expect(judgeAgreement({ ...well, unindexed: some }, false, mends).found).toBe(
      "7 stored files without a row: lab-1/E1, lab-1/E2 and 5 more"
    )
  })

  it("a ledger keeps every name while it grows", () => {
    const ledger = makeLedger()
    const fingerprint = makeFingerprint()
    const keys = Array.from({ length: 200_000 }, (_, at) => fingerprint.ofNames(`lab-${at % 7}`, `01M7Y1ZBJP${at}`))
    expect(new Set(keys).size).toBe(keys.length)
    for (const [at, key] of keys.entries()) {
      if (at % 2 === 0) ledger.addFile(key, at % 7)
      ledger.setRow(key, at)
      if (at % 3 === 0) ledger.dropRow(key)
    }
    const wrong = keys.filter((key, at) => {
      const { file, row } = ledger.at(key)
      return row !== (at % 3 === 0 ? undefined : at) || file !== (at % 2 === 0 ? at % 7 : undefined)
    })
    expect(wrong).toEqual([])
    let seen = 0
    ledger.each(() => seen++)
    expect(seen).toBe(keys.length)
  })

  const row = {
    schema_version: 1,
    host_id: lab,
    episode_id: E1,
    sha256: Sha256.make("1".repeat(64)),
    bytes: 5,
    content_sha256: Sha256.make("2".repeat(64)),
    received_at: formatTime(NOW)
  }
  const line = (text: string) => {
    const bytes = new TextEncoder().encode(`junk\n${text}`)
    const from = 5
    const to = text.endsWith("\n") ? bytes.length - 1 : bytes.length
    return { bytes, from, to }
  }
  it.each([
    ["a row", formatRow(row)],
    ["a row with its commit", formatRow({ ...row, commit: Commit.make("c".repeat(40)) })]
  ])("%s is read byte by byte, to the same fingerprint", (_, text) => {
    const { bytes, from, to } = line(text)
    const names = namesIn(bytes, from, to)
    expect(names).toBeDefined()
    if (names === undefined) return
    const { ofBytes, ofNames } = makeFingerprint()
    expect(ofBytes(bytes, names.host, names.hostEnd, names.episode, names.episodeEnd)).toBe(ofNames("lab-1", "E1"))
  })
  it.each([
    ["a withdrawal", formatRow({ ...row, status: "withdrawn" })],
    ["a row with other members", formatRow(row).replace("}", ',"more":1}')],
    ["an older row", formatRow(row).replace('"schema_version":1,', "")],
    ["half a row", formatRow(row).slice(0, 150)],
    ["two rows in one line", formatRow(row).trimEnd() + formatRow(row)],
    ["nothing", "\n"],
    ["garbage", "{]\n"]
  ])("%s is left to be read in full", (_, text) => {
    const { bytes, from, to } = line(text)
    expect(namesIn(bytes, from, to)).toBeUndefined()
  })
})

describe("what lies about", () => {
  it.each([
    ["nothing", {}, "green", null],
    ["an upload under way", { underWay: 1 }, "green", null],
    ["an upload that may be resumed", { open: 1 }, "green", null],
    ["an upload left behind", { left: ["lab-1~E1~x.part"] }, "yellow", "restart"],
    [
      "somebody else's",
      { foreign: ["a b"] },
      "yellow",
      "sudo mkdir -p /strays && sudo mv --backup=numbered -t /strays -- '/in/a b'"
    ]
  ] as const)("in incoming/: %s", (_, over, state, mend) => {
    expect(judgeIncoming({ left: [], underWay: 0, open: 0, foreign: [], ...over }, "/in", "restart")).toMatchObject({
      state,
      mend
    })
  })
  it("in damaged/: what was not stored again is yellow", () => {
    const file = (episodeId: string, healed: boolean) => ({ hostId: lab, episodeId: EpisodeId.make(episodeId), healed })
    expect(judgeDamaged([]).state).toBe("green")
    expect(judgeDamaged([file("E1", true)])).toMatchObject({
      state: "green",
      found: "1 file set aside, all stored again since"
    })
    expect(judgeDamaged([file("E1", true), file("E2", false), file("E2", false)])).toMatchObject({
      state: "yellow",
      mend: "sudo cis490-shipper reship E2  # on lab-1"
    })
  })
})

describe("the door", () => {
  const nobody = { shared: false, hosts: 0, certificates: false, proxy: false }
  it.each([
    ["127.0.0.1:8490", nobody, "green"],
    ["unix:/run/r.sock", nobody, "green"],
    ["0.0.0.0:8490", nobody, "red"],
    ["0.0.0.0:8490", { ...nobody, shared: true }, "green"],
    ["0.0.0.0:8490", { ...nobody, hosts: 2 }, "green"],
    ["[::]:8490", { ...nobody, certificates: true }, "green"],
    ["0.0.0.0:8490", { ...nobody, proxy: true }, "green"]
  ] as const)("at %s with %j is %s", (listen, keys, state) => {
    expect(judgeAuth(listen, keys, "edit")).toMatchObject({ state, mend: state === "red" ? "edit" : null })
  })

  it.each([
    ["127.0.0.1:8490", false, { url: "http://127.0.0.1:8490" }],
    ["0.0.0.0:8490", true, { url: "https://127.0.0.1:8490" }],
    ["[::]:8490", false, { url: "http://[::1]:8490" }],
    ["unix:/run/r.sock", false, { url: "http://localhost", unix_socket: "/run/r.sock" }],
    ["127.0.0.1:0", false, undefined]
  ] as const)("of %s (TLS: %s) is asked at home", (listen, secure, address) =>
    expect(addressOf(listen, secure)).toEqual(address))

  const mends = { start: "start", ask: "ask" }
  it.each([
    ["answers", { status: 200, error: undefined }, "green", null],
    ["cannot store", { status: 503, error: "the disk is full" }, "red", "ask"],
    ["does not answer", { status: undefined, error: "ECONNREFUSED" }, "red", "start"]
  ] as const)("%s", (_, health, state, mend) => expect(judgeHealth(health, mends)).toMatchObject({ state, mend }))
})

describe("the hosts", () => {
  const host = (over: Partial<HostRow> = {}, said: Partial<HostRow["said"]> = {}): HostRow => ({
    host_id: lab,
    seen_at: formatTime(NOW),
    said: { host_id: lab, ...said },
    instances: [],
    ...over
  })
  const seen = (id: string, ago: number) => ({ id, seen_at: formatTime(NOW - ago) })
  it.each([
    ["well", host(), "green", null],
    ["quiet for an hour", host({ seen_at: formatTime(NOW - HOUR) }), "green", null],
    [
      "quiet for longer",
      host({ seen_at: formatTime(NOW - HOUR - 1000) }),
      "yellow",
      "sudo cis490-shipper doctor  # on lab-1"
    ],
    ["seen by a clock that was ahead", host({ seen_at: formatTime(NOW + HOUR) }), "yellow", /^timedatectl$/],
    [
      "waiting there from a time to come",
      host({}, { waiting: 1, oldest_waiting_at: formatTime(NOW + HOUR) }),
      "yellow",
      /^timedatectl  # on lab-1$/
    ],
    [
      "in quarantine from a time to come",
      host({ quarantined_since: formatTime(NOW + HOUR) }, { quarantined: 1 }),
      "yellow",
      /^timedatectl$/
    ],
    ["two machines", host({ instances: [seen("a", 0), seen("b", HOUR)] }), "red", /hostname/],
    ["a machine that was replaced", host({ instances: [seen("a", 0), seen("b", HOUR + 1)] }), "green", null],
    [
      "waiting",
      host({}, { waiting: 3, oldest_waiting_at: formatTime(NOW - HOUR) }),
      "yellow",
      "sudo cis490-shipper doctor  # on lab-1"
    ],
    [
      "waiting for a day",
      host({}, { waiting: 3, oldest_waiting_at: formatTime(NOW - DAY) }),
      "red",
      "sudo cis490-shipper doctor  # on lab-1"
    ],
    [
      "with a young quarantine",
      host({ quarantined_since: formatTime(NOW - 22 * DAY) }, { quarantined: 2 }),
      "green",
      null
    ],
    [
      "with a quarantine near its deletion",
      host({ quarantined_since: formatTime(NOW - 23 * DAY) }, { quarantined: 2 }),
      "red",
      "sudo cis490-shipper quarantine list  # on lab-1"
    ]
  ] as const)("%s", (_, row, state, mend) => {
    const [finding, ...more] = judgeHosts([row], NOW)
    expect(more).toEqual([])
    expect(finding?.state).toBe(state)
    if (mend === null) expect(finding?.mend).toBeNull()
    else expect(finding?.mend).toMatch(mend)
  })
  it("that are well share a row, each trouble of the others has its own", () => {
    const quiet = host({
      host_id: HostId.make("lab-2"),
      seen_at: formatTime(NOW - DAY),
      instances: [seen("a", 0), seen("b", 0)]
    })
    expect(judgeHosts([], NOW)).toMatchObject([{ state: "green" }])
    expect(judgeHosts([host(), quiet], NOW).map(({ state, target }) => [state, target])).toEqual([
      ["green", undefined],
      ["red", "lab-2"],
      ["yellow", "lab-2"]
    ])
  })
  it("are remembered with the time since which something is in their quarantine", () => {
    const say = (before: HostRow | undefined, quarantined: number | null | undefined, now: number) =>
      remembered(before, { host_id: lab, ...(quarantined !== undefined && { quarantined }) }, now)
    const first = say(undefined, 2, NOW)
    expect(first.quarantined_since).toBe(formatTime(NOW))
    expect(say(first, 5, NOW + DAY).quarantined_since).toBe(formatTime(NOW))
    expect(say(first, null, NOW + DAY).quarantined_since).toBe(formatTime(NOW))
    expect(say(first, undefined, NOW + DAY).quarantined_since).toBe(formatTime(NOW))
    expect(say(first, 0, NOW + DAY).quarantined_since).toBeUndefined()
    expect(say(undefined, undefined, NOW).quarantined_since).toBeUndefined()
  })
})
