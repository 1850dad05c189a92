import { execFileSync } from "node:child_process"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { systemError } from "effect/PlatformError"
import * as TestClock from "effect/testing/TestClock"
import { type Check, checksOf, examine, LOOK_MILLIS } from "../../src/doctor/check.ts"
import { judgeClosed } from "../../src/doctor/closedTo.ts"
import { judgeUnusable, judgeUsable } from "../../src/doctor/config.ts"
import { judgeDirectories, madeFor, type Place } from "../../src/doctor/directories.ts"
import { formatRows } from "../../src/doctor/format.ts"
import { Ourselves, ourselves } from "../../src/doctor/ourselves.ts"
import { ofHost, ofServer } from "../../src/doctor/renewal.ts"
import { type Finding, green, isWell, type Row, red, yellow } from "../../src/doctor/row.ts"
import { withoutSecrets } from "../../src/doctor/secrets.ts"
import { judgeNoManager, judgeUnit } from "../../src/doctor/service.ts"
import { elsewhere, oneLine, word } from "../../src/doctor/shell.ts"
import { judgeInodes, judgeSpace } from "../../src/doctor/space.ts"
import { judgeCertificates, judgeKey, type Kind } from "../../src/doctor/tls.ts"
import { DEFAULT_REMEDIATION } from "../../src/domain/receiverSettings.ts"
import { Ending } from "../../src/services/Ending.ts"
import { NoServiceManager, type Unit } from "../../src/services/ServiceManager.ts"

const DAY = 86_400_000
const GIB = 1024 ** 3

describe("words for a shell", () => {
  it.each([
    ["/var/lib/cis490/data", "/var/lib/cis490/data"],
    ["a b", "'a b'"],
    ["it's", `'it'\\''s'`],
    ["$(reboot)", "'$(reboot)'"],
    ["--since=-10min", "--since=-10min"],
    ["", "''"],
    ["a\nb", "$'a\\012b'"],
    ["it's\\\u202e\u001b", "$'it\\'s\\\\\\342\\200\\256\\033'"]
  ])("%j", (text, quoted) => {
    expect(word(text)).toBe(quoted)
    expect(execFileSync("bash", ["-c", `printf %s ${quoted}`], { encoding: "utf8" })).toBe(text)
  })

  it("puts a remediation into one line that stops at the first failure", () => {
    expect(oneLine(DEFAULT_REMEDIATION).split(" && ")).toHaveLength(4)
    expect(oneLine("  a\n\n# why\nb\n")).toBe("a && b")
    expect(oneLine("cd /srv # where it is\nrun '#1' \"a # b\" $# x#y \\# z;# why\n")).toBe(
      `cd /srv && run '#1' "a # b" $# x#y \\# z;`
    )
    expect(elsewhere("lab-1", "true")).toBe("true  # on lab-1")
  })
})

describe("space", () => {
  const of = (freeBytes: number) => ({ freeBytes, totalBytes: 100 * GIB, freeInodes: 0, totalInodes: 0 })
  it.each([
    ["green", 2 * GIB],
    ["yellow", 2 * GIB - 1],
    ["yellow", GIB],
    ["red", GIB - 1],
    ["red", 0]
  ] as const)("is %s with %d bytes free above a floor of 1 GiB", (state, free) => {
    expect(judgeSpace(of(free), GIB, "/data")).toMatchObject({ state })
  })
  it("is green without a floor", () => expect(judgeSpace(of(0), 0, "/data").state).toBe("green"))

  it.each([
    ["green", 5, 100],
    ["yellow", 4, 100],
    ["yellow", 1, 100],
    ["red", 0, 100],
    ["green", 0, 0]
  ] as const)("inodes are %s with %d of %d free", (state, freeInodes, totalInodes) => {
    expect(judgeInodes({ freeBytes: 0, totalBytes: 0, freeInodes, totalInodes }, "/data").state).toBe(state)
  })
})

describe("directories", () => {
  const place = (path: string, over: Partial<Place> = {}): Place => ({
    path,
    type: "Directory",
    owner: 990,
    device: 1n,
    closed: undefined,
    ...over
  })
  const mends = {
    user: "cis490",
    make: () => "make it",
    together: (apart: ReadonlyArray<string>) => `join ${apart.join(" ")}`,
    asRoot: "sudo look"
  }
  const judge = (...places: ReadonlyArray<Place>) => judgeDirectories([place("/d"), ...places], ["/d/a", "/d/b"], mends)

  it("are green when all is well", () => {
    expect(judge(place("/d/a"), place("/d/b"))).toMatchObject({ state: "green", mend: null })
  })
  it.each([
    ["missing", { type: undefined, device: undefined, owner: undefined }, /not there: \/d\/a$/, "make it"],
    [
      "a link",
      { type: "SymbolicLink", device: undefined, owner: undefined },
      /no directory but SymbolicLink/,
      "sudo mv --backup=numbered -T /d/a /d/a.away && make it"
    ],
    ["elsewhere", { device: 2n }, /not on one filesystem/, /^join \/d\/a$/],
    ["another's", { owner: 0 }, /not owned by the user who owns \/d: \/d\/a$/, "sudo chown -R -H --reference=/d /d/a"],
    ["closed", { closed: "EACCES: permission denied" }, /this user cannot write/, "sudo look"],
    ["read-only", { closed: "EROFS: read-only file system" }, /EROFS/, "findmnt --target /d/a"]
  ] as const)("are red when one is %s", (_, over, found, mend) => {
    const finding = judge(place("/d/a", over), place("/d/b"))
    expect(finding).toMatchObject({ state: "red", found: expect.stringMatching(found) })
    expect(finding.mend).toMatch(mend)
  })
})

describe("directories of root's", () => {
  const place = (path: string, owner: number): Place => ({
    path,
    type: "Directory",
    owner,
    device: 1n,
    closed: undefined
  })
  const judge = (user: string | undefined, ...places: ReadonlyArray<Place>) =>
    judgeDirectories(places, [], { user, make: (missing) => `make ${missing}`, together: () => "", asRoot: "" })

  it("are red where the service is another user's, before what is missing in them is made", () => {
    const missing: Place = { ...place("/d/a", 0), type: undefined, owner: undefined }
    expect(judge("cis490", place("/d", 0), place("/e e", 0), place("/f", 990), missing)).toEqual({
      state: "red",
      found: "root's, and the service runs as cis490: /d, /e e",
      mend: "sudo chown -R -H cis490: /d && sudo chown cis490: '/e e' && sudo find -H '/e e' -maxdepth 1 -type f -user root -exec chown cis490: {} +"
    })
  })
  it("are well where root runs the program", () => {
    expect(judge(undefined, place("/d", 0), place("/d/a", 0)).state).toBe("green")
  })
  it("are not made for whom the service does not run as", () => {
    expect(madeFor("cis490", ["/srv/a b"], "restart")).toBe(
      "sudo install -d -o cis490 -g cis490 -m 750 '/srv/a b' && restart"
    )
    expect(madeFor(undefined, ["/srv"], "restart")).toBe("restart")
    expect(madeFor("cis490", [], "restart")).toBe("restart")
  })
})

describe("the service", () => {
  const mends = { unit: "cis490-shipper", install: "install", foreground: "run" }
  const well: Unit = {
    load: "loaded",
    active: "active",
    sub: "running",
    file: "enabled",
    result: "success",
    user: "cis490",
    groups: [],
    restarts: 0
  }
  it.each([
    ["running and enabled", {}, "green", null],
    ["enabled by somebody else's unit", { file: "static" }, "green", null],
    ["reloading", { active: "reloading" }, "green", null],
    ["not enabled", { file: "disabled" }, "yellow", "sudo systemctl enable cis490-shipper"],
    ["started again", { restarts: 3 }, "yellow", /journalctl -u cis490-shipper.*reset-failed cis490-shipper$/],
    ["not installed", { load: "not-found", active: "inactive" }, "yellow", "install"],
    ["stopped", { active: "inactive", sub: "dead" }, "red", "sudo systemctl start cis490-shipper"],
    [
      "stopped and not enabled",
      { active: "inactive", file: "disabled" },
      "red",
      "sudo systemctl enable --now cis490-shipper"
    ],
    [
      "failed",
      { active: "failed", result: "watchdog" },
      "red",
      /reset-failed cis490-shipper && sudo systemctl restart cis490-shipper$/
    ],
    ["failing again and again", { active: "activating", sub: "auto-restart" }, "red", /restart cis490-shipper$/],
    ["masked", { load: "masked", active: "inactive" }, "red", /unmask/],
    ["broken", { load: "bad-setting", active: "inactive" }, "red", "systemd-analyze verify cis490-shipper.service"]
  ] as const)("%s", (_, over, state, mend) => {
    const finding = judgeUnit({ ...well, ...over }, mends)
    expect(finding.state).toBe(state)
    if (mend === null) expect(finding.mend).toBeNull()
    else expect(finding.mend).toMatch(mend)
  })
  it("is yellow without a service manager", () => {
    expect(judgeNoManager(new NoServiceManager({ message: "systemd does not run this machine" }), mends)).toEqual(
      yellow("systemd does not run this machine: nothing starts the program again when it ends", "run")
    )
  })
})

describe("certificates", () => {
  const now = 1_800_000_000_000
  const certificate = (days: number, fromDays = -100) => ({
    subject: `CN=${days}`,
    issuer: "CN=CIS490 lab 2026-11-21",
    names: ["collector.wg", "::1"],
    from: now + fromDays * DAY,
    until: now + days * DAY
  })
  it("are renewed by our own authority where it issued them, in the place in which it did", () => {
    const one = certificate(1)
    expect(ofHost("lab-1", "collector.wg")(one)).toMatch(/^sudo cis490-receiver pki issue lab-1 {2}# on collector\.wg/)
    expect(ofServer("/var/lib/cis490-receiver/pki/servers/collector.wg/server.pem")(one)).toBe(
      "sudo cis490-receiver pki issue --server collector.wg --server ::1"
    )
    expect(ofServer("/srv/a b/servers/x/server.pem")(one)).toContain(" --dir '/srv/a b' ")
    expect(ofServer("/etc/ssl/server.pem")(one)).toBeUndefined()
    expect(ofHost("lab-1", "collector.wg")({ ...one, issuer: "CN=Another" })).toBeUndefined()
  })

  const judge = (kind: Kind, ...all: ReadonlyArray<ReturnType<typeof certificate>>) =>
    judgeCertificates(all, { file: "/etc/x.pem", kind, now })

  it.each([
    ["green", 14],
    ["yellow", 13.9],
    ["yellow", 2],
    ["red", 1.9],
    ["red", 0],
    ["red", -1]
  ] as const)("%s with %d days left", (state, days) => {
    const finding = judge("chain", certificate(days))
    expect(finding.state).toBe(state)
    expect(finding.found).toMatch(days <= 0 ? /^expired .* ago, on 2027-/ : /^expires in .*, on 2027-/)
    if (state !== "green") expect(finding.mend).toContain("openssl storeutl -noout -text -certs /etc/x.pem")
  })
  it("red before it is valid", () => {
    expect(judge("chain", certificate(100, 1))).toMatchObject({
      state: "red",
      found: expect.stringMatching(/^not valid before/)
    })
  })
  it("all of a chain are needed, of authorities those that are valid", () => {
    expect(judge("chain", certificate(100), certificate(-1)).state).toBe("red")
    expect(judge("authorities", certificate(-1), certificate(100)).state).toBe("green")
    expect(judge("authorities", certificate(3), certificate(100)).state).toBe("yellow")
    expect(judge("authorities", certificate(-1), certificate(-3)).state).toBe("red")
  })
  it("a key belongs to its certificate or not", () => {
    expect(judgeKey(true, "/c.pem").state).toBe("green")
    expect(judgeKey(false, "/c.pem").state).toBe("red")
  })
})

describe("the configuration", () => {
  const file = "/etc/cis490/lab-host.toml"
  it("is green when it can be used, and says what was left out", () => {
    expect(judgeUsable(undefined)).toEqual(green("usable"))
    expect(judgeUsable("tables of other programs")).toEqual(green("usable; tables of other programs"))
  })
  it("is red with its own words", () => {
    const problems = [{ key: "receiver.url", found: '"x"', wants: "a URL" }]
    expect(judgeUnusable({ file, problems, warning: "w" }, "sudo look")).toEqual(
      red('receiver.url: found "x", wants a URL; w', "sudoedit /etc/cis490/lab-host.toml")
    )
  })
  it("names the variable that is wrong, and who may read the file", () => {
    const problems = [{ key: "a", found: "1", wants: "2", variable: "CIS490_A" }]
    expect(judgeUnusable({ file, problems }, "sudo look").mend).toBe("unset CIS490_A")
    expect(
      judgeUnusable({ file, problems: [{ found: "a file this user may not read", wants: "x" }] }, "sudo look").mend
    ).toBe("sudo look")
  })
})

describe("the text", () => {
  const rows: ReadonlyArray<Row> = [
    { check: "config", target: "/etc/x", state: "green", found: "usable", mend: null },
    {
      check: "names",
      target: "/a much longer target",
      state: "yellow",
      found: "two\nlines \u001b[31m",
      mend: "ls -ld 'x y'"
    },
    { check: "x", target: "y", state: "red", found: "z", mend: "mend it" }
  ]
  it("is aligned and plain, a mend in a line of its own", () => {
    expect(formatRows(rows, false).split("\n")).toEqual([
      "green   config  /etc/x                 usable",
      "yellow  names   /a much longer target  two lines  [31m",
      "        mend: ls -ld 'x y'",
      "red     x       y                      z",
      "        mend: mend it",
      "",
      "1 red, 1 yellow of 3 checks"
    ])
  })
  it("is coloured at a terminal", () => {
    expect(formatRows(rows, true)).toContain("\u001b[1;31mred   \u001b[0m  x")
    expect(formatRows(rows.slice(0, 1), true)).toContain("all green: 1 check")
  })
  it("is well only when all is green", () => {
    expect(isWell(rows)).toBe(false)
    expect(isWell(rows.slice(0, 1))).toBe(true)
  })
})

it("secrets are taken out wherever they are, the longest first, also as JSON writes them", () => {
  expect(withoutSecrets('a token-1 b {"t":"token-12"} to"ken', ["token-1", "token-12", 'to"ken'])).toBe(
    'a <redacted> b {"t":"<redacted>"} <redacted>'
  )
  expect(withoutSecrets('{"t":"to\\"ken"}', ['to"ken'])).toBe('{"t":"<redacted>"}')
})

describe("a file of the service's", () => {
  const said = (code: number, stderr = "") => ({ code, stdout: "", stderr })
  const [yes, no] = [said(0), said(1)]
  it.each([
    ["that its user can read is well", yes, yes, undefined],
    ["that he cannot read is given to him", no, yes, "sudo chown cis490: '/etc/a b'"],
    ["that lies where he may not go leads to where that is", no, no, "namei -l '/etc/a b'"],
    ["is well where nobody can be asked", said(127, "setpriv: setgroups failed: no"), yes, undefined],
    ["is well where the user is not known", said(1, "setpriv: failed to parse reuid: 'x'"), yes, undefined]
  ] as const)("%s", (_, read, enter, mend) => {
    expect(judgeClosed("/etc/a b", "cis490", read, enter)?.mend).toBe(mend)
  })
})

it.each([
  ["the installed configuration, which is root's", true, "sudo cis490-shipper once", "sudo cis490-shipper doctor"],
  [
    "one of somebody's own",
    false,
    "cis490-shipper once --config '/etc/x y.toml'",
    "sudo cis490-shipper doctor --config '/etc/x y.toml'"
  ]
] as const)("our own commands go with %s", (_, isDefault, once, doctor) => {
  const { asRoot, command } = ourselves("cis490-shipper", "/etc/x y.toml", isDefault)
  expect([command("once"), asRoot("doctor")]).toEqual([once, doctor])
})

describe("looks", () => {
  let abrupt = 0
  const provide = <A, E>(effect: Effect.Effect<A, E, Ending | Ourselves>) =>
    effect.pipe(
      Effect.provideService(Ending, { waitsForNothing: Effect.sync(() => void abrupt++) }),
      Effect.provideService(Ourselves, ourselves("cis490-shipper", "/etc/x y.toml", false))
    )
  const check = <R>(name: string, look: Check<R>["look"], needs?: string): Check<R> => ({
    check: name,
    target: `t-${name}`,
    closer: `closer ${name}`,
    ...(needs !== undefined && { needs }),
    look
  })
  const well = Effect.succeed<ReadonlyArray<Finding>>([green("well")])
  const examined = Effect.fnUntraced(function* (checks: ReadonlyArray<Check<never>>) {
    const fiber = yield* Effect.forkChild(provide(examine(checks)))
    yield* TestClock.adjust(LOOK_MILLIS)
    return yield* Fiber.join(fiber)
  })

  it.effect("that hang cost one row each and never the others, also those that cannot be interrupted", () =>
    Effect.gen(function* () {
      abrupt = 0
      const { lettingGo, rows } = yield* examined([
        check("a", well),
        check("b", Effect.never),
        check("c", Effect.uninterruptible(Effect.never)),
        check("d", well)
      ])
      expect(rows.map(({ check, state }) => `${check} ${state}`)).toEqual([
        "a green",
        "b yellow",
        "c yellow",
        "d green"
      ])
      expect(rows[2]).toEqual({
        check: "c",
        target: "t-c",
        state: "yellow",
        found: "did not answer within 8 s",
        mend: "closer c"
      })
      const end = yield* Effect.forkChild(lettingGo)
      yield* TestClock.adjust(2000)
      yield* Fiber.join(end)
      expect(abrupt).toBe(2)
    })
  )

  it.effect("that stand on another which hangs too are not said twice", () =>
    Effect.gen(function* () {
      const { rows } = yield* examined([
        check("disk", Effect.never),
        check("names", Effect.never, "disk"),
        check("space", well, "disk"),
        check("ping", Effect.never)
      ])
      expect(rows.map(({ check, state }) => `${check} ${state}`)).toEqual(["disk yellow", "space green", "ping yellow"])
    })
  )

  it.effect("that fail say so, and those that may not look name who may", () =>
    Effect.gen(function* () {
      const error = (_tag: "PermissionDenied" | "Unknown") =>
        systemError({ _tag, module: "FileSystem", method: "open", pathOrDescriptor: "/x", description: "no" })
      const { rows } = yield* examined([
        check("denied", Effect.fail(error("PermissionDenied"))),
        check("broken", Effect.fail(error("Unknown"))),
        check("mistake", Effect.die(new Error("ours")))
      ])
      expect(rows.map(({ mend }) => mend)).toEqual([
        "sudo cis490-shipper doctor --config '/etc/x y.toml'",
        "closer broken",
        "closer mistake"
      ])
      expect(rows.every(({ state }) => state === "yellow")).toBe(true)
    })
  )

  it.effect("may say several things, also about something else", () =>
    Effect.gen(function* () {
      const several = Effect.succeed([green("one"), { ...red("two", "m"), check: "other", target: "there" }])
      const { rows } = yield* examined(checksOf([check("a", several)]))
      expect(rows).toEqual([
        { check: "a", target: "t-a", state: "green", found: "one", mend: null },
        { check: "other", target: "there", state: "red", found: "two", mend: "m" }
      ])
    })
  )
})
