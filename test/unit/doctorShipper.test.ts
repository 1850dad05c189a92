import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import { describe, expect, it } from "vitest"
import { judgeBacklog, judgeNames } from "../../src/doctor/shipper/backlog.ts"
import { judgeConflicts } from "../../src/doctor/shipper/conflicts.ts"
import type { Episodes } from "../../src/doctor/shipper/episodes.ts"
import { type JournalMends, judgeClosed, judgeLines, signOf } from "../../src/doctor/shipper/journal.ts"
import { type Entry, judgeQuarantine } from "../../src/doctor/shipper/quarantine.ts"
import { deniedTo, judgeChanging, judgeReadable } from "../../src/doctor/shipper/readable.ts"
import { judgeClock, judgeCommit, judgePing } from "../../src/doctor/shipper/receiver.ts"
import { EpisodeId } from "../../src/domain/names.ts"
import { formatTime } from "../../src/domain/time.ts"
import { DAYS } from "../../src/domain/timetable.ts"
import { JournalClosed } from "../../src/services/Journal.ts"

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOW = 1_800_000_000_000
const command = (args: string) => `shipper ${args}`

describe("the receiver's answer to a ping", () => {
  const asked = {
    url: "https://collector.wg",
    configFile: "/etc/c.toml",
    tokenFile: "/etc/token",
    asRoot: "sudo shipper doctor",
    ping: "shipper ping"
  }
  const answer = (status_code: number, error: string | null = "no", body: unknown = null) => ({
    ok: false,
    status_code,
    body,
    error
  })
  it.each([
    ["that is well", answer(200, null, { ok: true }), "green", null],
    ["that would refuse this host's commit", answer(200, "x", { ok: true, commit_allowed: false }), "green", null],
    ["of a portal", answer(200, "x", "<html>"), "red", "sudoedit /etc/c.toml"],
    ["with a redirect", answer(302), "red", "sudoedit /etc/c.toml"],
    ["401", answer(401), "red", "sudoedit /etc/token"],
    ["403", answer(403), "red", "sudoedit /etc/c.toml"],
    ["404", answer(404), "red", "sudoedit /etc/c.toml"],
    ["429", answer(429), "yellow", "curl -sS https://collector.wg/v1/health"],
    ["503", answer(503), "red", "curl -sS https://collector.wg/v1/health"],
    [
      "none: refused",
      answer(0, "the connection was refused (ECONNREFUSED)"),
      "red",
      "sudo systemctl start cis490-receiver  # on collector.wg"
    ],
    [
      "none: no such name",
      answer(0, "getaddrinfo ENOTFOUND collector.wg"),
      "red",
      "getent hosts collector.wg || sudoedit /etc/c.toml"
    ],
    ["none: no token", answer(0, "token file /etc/token is missing"), "red", "sudoedit /etc/token"],
    [
      "none: a token that is not for everybody",
      answer(0, "token file /etc/token may not be read by this user; to mend: put it there"),
      "red",
      "sudo shipper doctor"
    ],
    ["none: anything else", answer(0, "mTLS material: …"), "red", "shipper ping"]
  ] as const)("%s", (_, result, state, mend) => expect(judgePing(result, asked)).toMatchObject({ state, mend }))

  it("401 without a token file is mended in the configuration", () => {
    expect(judgePing(answer(401), { ...asked, tokenFile: undefined }).mend).toBe("sudoedit /etc/c.toml")
  })
})

describe("this host's commit", () => {
  const about = {
    edit: "sudoedit /etc/c.toml",
    repoPath: "/opt/cis490",
    update: "git pull",
    url: "https://collector.wg"
  }
  const commit = "a".repeat(40)
  it.each([
    ["allowed", commit, { commit_allowed: true }, "green", null],
    ["out of the window", commit, { commit_allowed: false, head_commit: "b".repeat(40) }, "red", "git pull"],
    ["not to be told", commit, {}, "yellow", "sudo cis490-receiver doctor  # on collector.wg"],
    ["unknown here", undefined, { commit_allowed: true }, "yellow", "sudoedit /etc/c.toml"]
  ] as const)("%s", (_, known, body, state, mend) => {
    expect(judgeCommit(known, body, about)).toMatchObject({ state, mend })
  })
})

describe("the clock", () => {
  it.each([
    ["green", 0],
    ["green", 59_999],
    ["yellow", 60_000],
    ["yellow", -299_999],
    ["red", 300_000],
    ["red", -300_000]
  ] as const)("%s when it is off by %d ms", (state, off) => {
    const finding = judgeClock(NOW + off, NOW)
    expect(finding.state).toBe(state)
    if (state !== "green") expect(finding.found).toMatch(off > 0 ? /ahead of/ : /behind/)
  })
})

describe("the backlog", () => {
  const episodes = (over: Partial<Episodes>): Episodes => ({ strays: [], waiting: [], held: [], left: 0, ...over })
  const waiting = (...ages: ReadonlyArray<number>) =>
    ages.map((age, at) => ({ id: EpisodeId.make(`E${at}`), since: NOW - age }))
  const zone = DateTime.zoneMakeOffset(0)
  const open = { zone, timetable: { rate: Infinity, windows: [] } }
  const mends = { edit: "edit", send: "once" }
  it.each([
    ["green", []],
    ["green", [0, HOUR - 1]],
    ["yellow", [0, HOUR]],
    ["yellow", [DAY - 1]],
    ["red", [0, DAY, 5]]
  ] as const)("%s when the waiting are %j ms old", (state, ages) => {
    const finding = judgeBacklog(episodes({ waiting: waiting(...ages) }), NOW, open, mends)
    expect(finding).toMatchObject({ state, mend: state === "green" ? null : "once" })
  })
  it("is yellow where even the oldest is of a time to come", () => {
    expect(judgeBacklog(episodes({ waiting: waiting(-2 * HOUR) }), NOW, open, mends)).toMatchObject({
      state: "yellow",
      found: expect.stringContaining("the oldest, E0, is 2 h ahead of the clock here: the clock of this machine was"),
      mend: "timedatectl"
    })
    expect(judgeBacklog(episodes({ waiting: waiting(-60_000) }), NOW, open, mends).state).toBe("green")
  })
  // Of 2027-01-15, at which the clock shows 08:00.
  const closed = (from: number, to: number) => ({
    zone,
    timetable: { rate: Infinity, windows: [{ days: DAYS, from: from * 60, to: to * 60, rate: 0 }] }
  })
  it.each([
    ["that came while nothing could be sent", closed(2, 20), 5 * HOUR, "green", null, "; window closed until 20:00"],
    ["from shortly before", closed(2, 20), 6 * HOUR + 1, "green", null, "; window closed until 20:00"],
    ["from long before", closed(2, 20), 7 * HOUR, "yellow", "edit", "; window closed until 20:00"],
    ["from days before", closed(2, 20), 5 * DAY, "red", "edit", "; window closed until 20:00"],
    ["that can be sent again", closed(2, 8), 6 * HOUR, "green", null, "for 6 h"],
    ["that can be sent again for long", closed(2, 7), 6 * HOUR, "yellow", "once", "for 6 h"],
    ["that can never be sent", closed(0, 24), HOUR, "yellow", "edit", "; window closed for more than a week"]
  ] as const)("%s counts by when it could be sent", (_, line, age, state, mend, end) => {
    const finding = judgeBacklog(episodes({ waiting: waiting(age) }), NOW, line, mends)
    expect(finding).toMatchObject({ state, mend })
    expect(finding.found.endsWith(end)).toBe(true)
  })
  it("names the oldest, and says what it did not come to", () => {
    expect(judgeBacklog(episodes({ waiting: waiting(5, DAY), left: 7 }), NOW, open, mends).found).toBe(
      "2 episodes waiting, 7 more not looked at; the oldest, E1, for 1 d"
    )
  })
})

describe("names that are no episodes", () => {
  it("are yellow, quoted for a shell", () => {
    const paths = { root: "/d", episodes: "/d/e" }
    expect(judgeNames([], paths).state).toBe("green")
    expect(judgeNames(["a b", ".x"], paths)).toMatchObject({
      state: "yellow",
      mend: "sudo mkdir -p /d/strays && sudo mv --backup=numbered -t /d/strays -- '/d/e/a b' /d/e/.x"
    })
    expect(judgeNames(["a\nb"], paths).mend).toMatch(/ -- \$'\/d\/e\/a\\012b'$/)
    expect(judgeNames(["1", "2", "3", "4", "5", "6", "7"], paths).found).toMatch(/^7 names .* and 2 more/)
  })
})

describe("what the owner of the data root may not do", () => {
  const of = (uid: number, gid: number) => ({ uid: Option.some(uid), gid: Option.some(gid) })
  const [shipper, other] = [of(990, 990), of(0, 0)]
  it.each([
    ["his own file", shipper, { ...shipper, type: "File", mode: 0o400 }, undefined],
    [
      "his own directory, which he can make writable",
      shipper,
      { ...shipper, type: "Directory", mode: 0o500 },
      undefined
    ],
    ["a file for all to read", shipper, { ...other, type: "File", mode: 0o644 }, undefined],
    ["a file for its owner only", shipper, { ...other, type: "File", mode: 0o600 }, "read"],
    ["a directory for its owner only", shipper, { ...other, type: "Directory", mode: 0o700 }, "read"],
    ["a directory for all to read", shipper, { ...other, type: "Directory", mode: 0o755 }, "moved or deleted"],
    ["a directory for all to write", shipper, { ...other, type: "Directory", mode: 0o777 }, undefined],
    ["one for his group to write", shipper, { ...of(0, 990), type: "Directory", mode: 0o770 }, undefined],
    ["one for his group to read", shipper, { ...of(0, 990), type: "Directory", mode: 0o757 }, "moved or deleted"],
    ["anything, where that is root", other, { ...shipper, type: "Directory", mode: 0o500 }, undefined]
  ] as const)("%s", (_, owner, info, denied) => {
    expect(deniedTo(owner, info)).toBe(denied)
  })
})

describe("what cannot be read", () => {
  const episodeOf = (path: string) => path.replace(/\/[^/]*$/, "")
  it.each([
    ["nothing", [], "green", null],
    [
      "for want of permission",
      [{ path: "/d/e/E1/x", what: "read", why: "EACCES", denied: true }],
      "yellow",
      "sudo chown -R --reference=/d /d/e/E1 && sudo chmod -R u+rX /d/e/E1"
    ],
    [
      "for a broken disk",
      [{ path: "/d/e/E1/x", what: "read", why: "EIO", denied: false }],
      "yellow",
      /dmesg.*findmnt --target \/d\/e\/E1$/
    ]
  ] as const)("%s", (_, closed, state, mend) => {
    const finding = judgeReadable(closed, episodeOf, "/d")
    expect(finding.state).toBe(state)
    if (mend === null) expect(finding.mend).toBeNull()
    else expect(finding.mend).toMatch(mend)
    if (state === "yellow") expect(finding.found).toContain("/d/e/E1/x")
  })
  it("what keeps changing is yellow", () => {
    expect(judgeChanging([], (id) => `/e/${id}`, command).state).toBe("green")
    expect(judgeChanging(["E1", "E2"], (id) => `/e/${id}`, command)).toMatchObject({
      state: "yellow",
      found: expect.stringMatching(/^E1 and 1 more changed three times/),
      mend: "sudo find /e/E1 -newer /e/E1/done.marker -ls; shipper retry E1 E2"
    })
  })
})

describe("quarantine", () => {
  const entry = (name: string, reason: Entry["reason"], over: { acked?: boolean; days?: number } = {}): Entry => ({
    name,
    reason,
    error: `why ${reason}`,
    acked: over.acked ?? false,
    deleted_at: over.days === undefined ? null : formatTime(NOW + over.days * DAY)
  })
  const judge = (...entries: ReadonlyArray<Entry>) => judgeQuarantine(entries, NOW, command)
  it.each([
    [
      "an entry that may be taken another time",
      entry("A", "too_large"),
      "yellow",
      "shipper requeue --all --reason too_large"
    ],
    ["one that sending again does not help", entry("A", "unpackable"), "yellow", "shipper quarantine ack A"],
    ["one that stays out of the window", entry("A", "out_of_window"), "yellow", "shipper quarantine ack A"],
    ["one without a legible reason", entry("A~1", null), "yellow", "shipper quarantine ack 'A~1'"],
    ["one that was seen", entry("A", "unpackable", { acked: true }), "green", null],
    ["one that was seen and has days left", entry("A", "unpackable", { acked: true, days: 7 }), "green", null],
    [
      "one that was seen and will be deleted soon",
      entry("A", "unpackable", { acked: true, days: 6.9 }),
      "red",
      "shipper requeue --all --reason unpackable"
    ],
    [
      "one that will be deleted soon",
      entry("A", "out_of_window", { days: -1 }),
      "red",
      "shipper requeue --all --reason out_of_window"
    ],
    ["one without a reason that will be deleted soon", entry("A", null, { days: 1 }), "red", "shipper requeue A"]
  ] as const)("%s", (_, one, state, mend) => expect(judge(one)).toMatchObject([{ state, mend }]))

  it("has a row for each reason, in order, and one when it is empty", () => {
    expect(judge()).toMatchObject([{ state: "green", found: "empty" }])
    expect(
      judge(entry("A", "too_large"), entry("B", "conflict"), entry("C", "too_large")).map(({ target }) => target)
    ).toEqual(["conflict", "too_large"])
  })
  it("says which goes first and when", () => {
    const [finding] = judge(
      entry("A", "damaged", { days: 3 }),
      entry("B", "damaged", { days: 2 }),
      entry("C", "damaged", { days: 20 })
    )
    expect(finding?.found).toBe("2 of 3 entries: why damaged; B will be deleted in 2 d")
  })
})

describe("conflicts", () => {
  it("are red, and those that are named are resolved", () => {
    expect(judgeConflicts([], command).state).toBe("green")
    expect(judgeConflicts(["A", "B"], command)).toMatchObject({
      state: "red",
      found: expect.stringContaining("2 ids: A, B;"),
      mend: "shipper resolve A --keep-stored && shipper resolve B --keep-stored"
    })
    expect(judgeConflicts(["A", "B", "C", "D", "E", "F"], command)).toMatchObject({
      found: expect.stringContaining("6 ids: A, B, C, D, E and 1 more;"),
      mend: ["A", "B", "C", "D", "E"].map((id) => `shipper resolve ${id} --keep-stored`).join(" && ")
    })
  })
})

describe("the journal", () => {
  const mends: JournalMends = { update: "git pull", command, since: "-10min", unit: "cis490-shipper" }
  const refused = (status: number, error = "no") => `quarantined: ${error} episode=E1 status=${status} reason=x`
  const transient = "not shipped: busy episode=E1 status=503"

  it.each([
    ["a 412", refused(412), "out_of_window"],
    ["a 400", refused(400), "bad_request"],
    ["a 413", refused(413), "other"],
    ["what cannot be packed", refused(0), "other"],
    ["a conflict", "held: other content episode=E1 status=409 mend=x", "other"],
    ["a 503", transient, "transient"],
    ["nobody there", "nothing is being shipped: no connection mend=x", "transient"],
    ["not let in", "nothing is being shipped: no token status=401 mend=x", "transient"],
    ["a full disk", "cannot be packed now: ENOSPC episode=E1", "transient"],
    ["a tarball on a bad disk", "cannot be sent now: outbox/E1.tar.zst: EIO: i/o error episode=E1", "transient"],
    ["a failed check-in", "check-in failed: no status=0", "transient"],
    [
      "an episode that changes",
      "the episode changed after done.marker; packing it anew episode=E1 times=1",
      "transient"
    ],
    ["damage on the way", "damaged on the way: digest mismatch episode=E1 status=422 times=1", "transient"],
    ["shipping again", "shipping again", "better"],
    ["a start", "started", "fresh"],
    ["a shipped episode", "shipped episode=E412 status=stored bytes=412", undefined],
    ["an episode with a strange name", "shipped episode=status412 status=already_present bytes=400", undefined],
    ["systemd", "Started cis490-shipper.service - ships episodes.", undefined]
  ] as const)("knows %s", (_, line, sign) => expect(signOf(line)).toBe(sign))

  it.each([
    ["empty", [], "green", null, "nothing was logged"],
    ["clean", ["started", "shipped episode=E1 status=stored"], "green", null, "2 line(s), nothing wrong"],
    ["412", [refused(412), refused(412), "shipped"], "red", "git pull", "2 ship(s) rejected as out-of-window"],
    [
      "400",
      [refused(400)],
      "red",
      "shipper quarantine list && sudo systemctl restart cis490-shipper",
      /^1 ship\(s\) rejected as bad requests/
    ],
    [
      "400 for want of a commit",
      [refused(400, "missing X-Cis490-Code-Commit header")],
      "red",
      "shipper drain && sudo systemctl restart cis490-shipper",
      /bad requests/
    ],
    [
      "412 after 400",
      [refused(400), refused(412), transient],
      "red",
      "git pull",
      "1 ship(s) rejected as out-of-window, and 1 as bad requests"
    ],
    [
      "transient",
      [transient, "shipped"],
      "yellow",
      "shipper ping && sudo systemctl restart cis490-shipper",
      /^1 transient failure\(s\), the last: not shipped: busy/
    ],
    ["400 and transient", [transient, refused(400)], "red", /^shipper quarantine list/, /bad requests/],
    ["other refusals", [refused(422)], "yellow", /journalctl -u cis490-shipper --since=-10min/, /^1 refusal/],
    ["transient that is over", [transient, "shipping again"], "green", null, /nothing wrong/],
    ["412 before a restart", [refused(412), "started"], "green", null, /nothing wrong/],
    ["412 after a restart", ["started", refused(412)], "red", "git pull", /out-of-window$/]
  ] as const)("%s", (_, lines, state, mend, found) => {
    const finding = judgeLines(lines, mends)
    expect(finding.state).toBe(state)
    if (typeof found === "string") expect(finding.found).toBe(found)
    else expect(finding.found).toMatch(found)
    if (mend === null) expect(finding.mend).toBeNull()
    else expect(finding.mend).toMatch(mend)
  })

  it.each([
    ["denied", "sudo usermod -aG systemd-journal $USER"],
    ["absent", "shipper status"],
    ["failed", "sudo journalctl -u cis490-shipper -n 50 --no-pager"]
  ] as const)("%s is yellow", (why, mend) => {
    expect(judgeClosed(new JournalClosed({ why, message: "m" }), mends)).toMatchObject({ state: "yellow", mend })
  })
})
