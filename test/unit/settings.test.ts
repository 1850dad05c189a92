import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { type AnySettings, decodeSettings } from "../../src/domain/decodeSettings.ts"
import { parseListen } from "../../src/domain/listen.ts"
import { HostId } from "../../src/domain/names.ts"
import { nearest } from "../../src/domain/nearest.ts"
import { ReceiverSettings } from "../../src/domain/receiverSettings.ts"
import { ANY_ENTRY, settingRows } from "../../src/domain/settingRow.ts"
import { ShipperSettings } from "../../src/domain/shipperSettings.ts"
import { damagedDirectory } from "../../src/receiver/storePaths.ts"
import { complaintsAbout, FILE, loadText } from "../support/config.ts"

const MINIMAL = 'host_id = "h"\n[receiver]\nurl = "https://r"\n'
const SECRET = "hunter2"

const shipper = (text: string, variables = {}) =>
  Effect.map(loadText(ShipperSettings, MINIMAL + text, variables), ({ settings }) => settings)
const receiver = (text: string, variables = {}) =>
  Effect.map(loadText(ReceiverSettings, text, variables), ({ settings }) => settings)

describe("defaults", () => {
  it.effect("of the shipper are the contract's", () =>
    Effect.gen(function* () {
      expect(yield* shipper("")).toEqual({
        host_id: "h",
        paths: { data_root: "/var/lib/cis490/data", min_free_bytes: 2 ** 30 },
        receiver: { url: "https://r", verify_tls: true },
        shipper: {
          scan_interval_s: 5,
          request_timeout_s: 60,
          concurrency: 4,
          compression_level: 3,
          backoff_seconds: [1, 2, 4, 8, 16, 32, 60, 120, 300],
          checkin_interval_s: 300,
          order: "oldest-first",
          rate_limit: 0,
          resume_above_bytes: 4_194_304,
          window: []
        },
        code: { repo_path: "/opt/cis490" },
        retention: { keep_local_for_days: 7, quarantine_keep_days: 30, quarantine_cleanup_interval_s: 3600 }
      })
    })
  )

  it.effect("of the receiver are the contract's", () =>
    Effect.gen(function* () {
      expect(yield* receiver("")).toEqual({
        listen: "127.0.0.1:8490",
        paths: {
          store_root: "/var/lib/cis490-receiver/store",
          incoming_root: "/var/lib/cis490-receiver/incoming",
          index_path: "/var/lib/cis490-receiver/index.jsonl"
        },
        limits: {
          max_episode_bytes: 2 * 2 ** 30,
          max_unpacked_bytes: 16 * 2 ** 30,
          max_members: 100_000,
          min_free_bytes: 2 ** 30,
          body_idle_timeout_s: 30,
          max_concurrent_uploads: 16,
          upload_expiry_s: 7 * 86_400,
          max_uploads_per_host: 32,
          max_upload_bytes_per_host: 16 * 2 ** 30
        },
        auth: { hosts: {} },
        tls: {},
        proxy: {},
        version_gate: {
          enabled: true,
          branch: "main",
          window: 100,
          cache_ttl_s: 5,
          remediation: [
            "cd /opt/cis490 && sudo -u cis490 git pull origin main",
            "sudo /opt/cis490/scripts/install-lab-host.sh",
            "sudo systemctl restart cis490-orchestrator"
          ].join("\n")
        },
        fleet: {}
      })
    })
  )
})

describe("values", () => {
  it.effect("a receiver's URL loses its trailing slashes and keeps its path", () =>
    Effect.gen(function* () {
      const url = (text: string) =>
        Effect.map(
          loadText(ShipperSettings, `host_id = "h"\nreceiver.url = "${text}"`),
          (it) => it.settings.receiver.url
        )
      expect(yield* url("https://collector.wg/")).toBe("https://collector.wg")
      expect(yield* url("http://[::1]:8490/lab//")).toBe("http://[::1]:8490/lab")
    })
  )

  it.effect("a path loses its trailing slashes, unless it is the root", () =>
    Effect.gen(function* () {
      const text = `paths.store_root = "/srv/store//"\npaths.incoming_root = "/"\npaths.index_path = "//srv/a b/i/"\ntls.key = "/k/"`
      const { paths, tls } = (yield* loadText(ReceiverSettings, `${text}\ntls.cert = "/c"`)).settings
      expect(paths).toMatchObject({ store_root: "/srv/store", incoming_root: "/", index_path: "//srv/a b/i" })
      expect(tls.key).toBe("/k")
      expect(damagedDirectory(paths.store_root, HostId.make("h"))).toBe("/srv/damaged/h")
    })
  )

  it.effect("secrets are not to be printed, and are what was written", () =>
    Effect.gen(function* () {
      const text = `[auth]\nbearer_token = "${SECRET}"\n[auth.hosts]\na = "${SECRET}"\nb = ["x", "y"]`
      const { auth } = yield* receiver(text)
      expect(JSON.stringify(auth)).not.toContain(SECRET)
      expect(auth.bearer_token && Redacted.value(auth.bearer_token)).toBe(SECRET)
      const tokens = Object.entries(auth.hosts).map(([host, list]) => [host, list.map(Redacted.value)])
      expect(tokens).toEqual([
        ["a", [SECRET]],
        ["b", ["x", "y"]]
      ])
    })
  )

  it.effect("a fleet is a table per host", () =>
    Effect.gen(function* () {
      const { fleet } = yield* receiver('[fleet."lab.b"]\nagent_url = "http://lab.b:9/"\nagent_token_file = "/t"')
      expect(fleet).toEqual({ "lab.b": { agent_url: "http://lab.b:9", agent_token_file: "/t" } })
    })
  )

  it.effect("fractions and the ends of a range are fine", () =>
    Effect.gen(function* () {
      const settings = yield* shipper(
        "[shipper]\nscan_interval_s = 0.5\nconcurrency = 64\ncompression_level = 19\nbackoff_seconds = [0.1]\n[retention]\nkeep_local_for_days = 0"
      )
      expect(settings.shipper).toMatchObject({ scan_interval_s: 0.5, concurrency: 64, backoff_seconds: [0.1] })
      expect(settings.retention.keep_local_for_days).toBe(0)
    })
  )

  it("where to listen", () => {
    expect(parseListen("127.0.0.1:8490")).toEqual({ _tag: "Tcp", host: "127.0.0.1", port: 8490 })
    expect(parseListen("[::]:0")).toEqual({ _tag: "Tcp", host: "::", port: 0 })
    expect(parseListen("unix:/run/x.sock")).toEqual({ _tag: "Unix", path: "/run/x.sock" })
    for (const bad of ["", "8490", ":8490", "h:65536", "h:", "h:1x", "unix:x", "unix:", "a b:1", "::1:80"]) {
      expect(parseListen(bad), bad).toBeUndefined()
    }
  })
})

/** Each is one mistake: what is written, and the whole complaint. */
const mistakes: ReadonlyArray<readonly [AnySettings, text: string, complaint: string]> = [
  [ShipperSettings, 'receiver.url = "http://r"', "host_id: found nothing, wants 1 to 64 of"],
  [ShipperSettings, 'host_id = "h"', "receiver.url: found nothing, wants an http:// or https:// URL"],
  [ShipperSettings, 'host_id = "h"\nreceiver = 3', "receiver: found a number, wants a table"],
  [ShipperSettings, 'receiver.url = "http://r"\nhost_id = "-h"', 'host_id: found "-h", wants 1 to 64 of'],
  [ShipperSettings, 'receiver.url = "http://r"\nhost_id = 7', "host_id: found 7, wants 1 to 64 of"],
  [
    ShipperSettings,
    `receiver.url = "http://r"\nhost_id = "${"h".repeat(165)}"`,
    `host_id: found "${"h".repeat(80)}…", wants`
  ],
  ...["collector.wg", "ftp://r", "https://", "https://r?", "https://r#", " https://r", "https://r/a b", "//r"].map(
    (url) =>
      [
        ShipperSettings,
        `host_id = "h"\nreceiver.url = "${url}"`,
        `receiver.url: found "${url}", wants an http:// or https:// URL without user, query and fragment`
      ] as const
  ),
  [ShipperSettings, `${MINIMAL}verify_tls = "no"`, 'receiver.verify_tls: found "no", wants true or false'],
  [
    ShipperSettings,
    `${MINIMAL}client_cert = "/c"`,
    "receiver.client_key: found nothing, wants a value, because client_cert is set"
  ],
  [
    ShipperSettings,
    `${MINIMAL}client_key = "/c"`,
    "receiver.client_cert: found nothing, wants a value, because client_key is set"
  ],
  [ShipperSettings, `${MINIMAL}ca_bundle = "ca.pem"`, 'receiver.ca_bundle: found "ca.pem", wants an absolute path'],
  [ShipperSettings, `${MINIMAL}bearer_token = ""`, "receiver.bearer_token: found an empty string, wants a token"],
  [ShipperSettings, `${MINIMAL}bearer_token = "a b"`, "receiver.bearer_token: found a string, wants a token"],
  ...["0", "65", "1.5", "nan", '"4"', "[4]", "2000-01-01T00:00:00Z"].map(
    (value) =>
      [ShipperSettings, `${MINIMAL}[shipper]\nconcurrency = ${value}`, "wants a whole number from 1 to 64"] as const
  ),
  ...["0", "20"].map(
    (value) =>
      [
        ShipperSettings,
        `${MINIMAL}[shipper]\ncompression_level = ${value}`,
        `shipper.compression_level: found ${value}, wants a whole number from 1 to 19`
      ] as const
  ),
  ...["[]", "[-1]", '["1"]', "[[1]]", "5", "[inf]"].map(
    (value) =>
      [
        ShipperSettings,
        `${MINIMAL}[shipper]\nbackoff_seconds = ${value}`,
        "wants a list of one or more numbers of seconds"
      ] as const
  ),
  [
    ShipperSettings,
    `${MINIMAL}[shipper]\nscan_interval_s = -1`,
    "shipper.scan_interval_s: found -1, wants a number of seconds from 0 to 1000000000"
  ],
  [
    ShipperSettings,
    `${MINIMAL}[shipper]\nscan_interval_s = inf`,
    "shipper.scan_interval_s: found Infinity, wants a number of seconds"
  ],
  [ShipperSettings, `${MINIMAL}[shipper]\nbackoff_seconds = [1e300]`, "each from 0 to 1000000000"],
  [ShipperSettings, `${MINIMAL}[shipper]\nrequest_timeout_s = 0`, "wants a number of seconds above 0"],
  [
    ShipperSettings,
    `${MINIMAL}[shipper]\norder = "newest"`,
    'shipper.order: found "newest", wants one of oldest-first, newest-first, smallest-first'
  ],
  [
    ShipperSettings,
    `${MINIMAL}[shipper]\nrate_limit = 2047`,
    "shipper.rate_limit: found 2047, wants a whole number of bytes per second: 0 (no limit), or 2048 (16 kbit/s) or more"
  ],
  [
    ShipperSettings,
    `${MINIMAL}[shipper]\nwindow = 3`,
    "shipper.window: found a number, wants tables, each behind its name"
  ],
  [ShipperSettings, `${MINIMAL}[shipper.window]\nrate = 0`, "shipper.window: found a table, wants tables, each"],
  [
    ShipperSettings,
    `${MINIMAL}[[shipper.window]]\n[[shipper.window]]\nrate = 1`,
    "shipper.window[2].rate: found 1, wants a whole number of bytes per second: 0 (nothing is sent), or 2048"
  ],
  [
    ShipperSettings,
    `${MINIMAL}[[shipper.window]]\nfrm = "22:00"`,
    "shipper.window[1].frm: found a key that is not known here, wants one of days, from, to, rate; did you mean shipper.window[1].from?"
  ],
  [
    ShipperSettings,
    `${MINIMAL}[[shipper.window]]\ndays = ["mon", "x"]`,
    'shipper.window[1].days: found ["mon", "x"], wants'
  ],
  [ShipperSettings, `${MINIMAL}[[shipper.window]]\ndays = []`, "shipper.window[1].days: found [], wants a list of one"],
  ...['"24:00"', '"6:00"', '"12:60"', "6", '"06:00:00"', "06:00:00"].map(
    (time) =>
      [
        ShipperSettings,
        `${MINIMAL}[[shipper.window]]\nfrom = ${time}`,
        'wants a time in quotes, from "00:00" to "23:59"'
      ] as const
  ),
  [
    ShipperSettings,
    `${MINIMAL}[[shipper.window]]\nfrom = "10:00"\nto = "10:00"`,
    'shipper.window[1].to: found "10:00", wants another time than from; a whole day is from 00:00 to 24:00'
  ],
  [
    ShipperSettings,
    `${MINIMAL}[retention]\nquarantine_keep_days = -0.1`,
    "wants a number of days, 0 (for ever) or more"
  ],
  [ShipperSettings, `${MINIMAL}[paths]\nmin_free_bytes = -1`, "wants a whole number of bytes, 0 or more"],
  [ShipperSettings, `${MINIMAL}[paths]\nmin_free_bytes = 0.5`, "wants a whole number of bytes, 0 or more"],
  [
    ShipperSettings,
    `${MINIMAL}urll = 1`,
    "receiver.urll: found a key that is not known here, wants one of url, ca_bundle, client_cert, client_key, bearer_token, bearer_token_file, verify_tls; did you mean receiver.url?"
  ],
  [ShipperSettings, `data_root = "/x"\n${MINIMAL}`, "retention; did you mean paths.data_root?"],
  [ShipperSettings, `zzz = [1]\n${MINIMAL}`, "zzz: found a key that is not known here, wants one of host_id, paths,"],
  [ShipperSettings, `${MINIMAL}"a\\u001bb" = 1`, 'receiver."a\\u001bb": found a key that is not known here'],
  [ShipperSettings, `__proto__ = 1\n${MINIMAL}`, "__proto__: found a key that is not known here"],
  [ReceiverSettings, 'listen = "8490"', 'listen: found "8490", wants host:port, [address]:port or unix:/path'],
  [
    ReceiverSettings,
    "limits.max_members = 0",
    "limits.max_members: found 0, wants a whole number of members, 1 or more"
  ],
  [ReceiverSettings, 'tls.cert = "/c"', "tls.key: found nothing, wants a value, because cert is set"],
  [ReceiverSettings, 'tls.key = "/k"', "tls.cert: found nothing, wants a value, because key is set"],
  [ReceiverSettings, 'tls.client_ca = "/c"', "tls.cert: found nothing, wants a value, because client_ca is set"],
  [
    ReceiverSettings,
    'tls.cert = "/c"\ntls.key = "/k"\ntls.client_crl = "/r"',
    "tls.client_ca: found nothing, wants a value, because client_crl is set"
  ],
  [ReceiverSettings, 'proxy.trusted_peers = ["10.0.0.1"]', "proxy.identity_header: found nothing, wants a value"],
  ...["Authorization", "Content-Length", "X-", "X-a b", "X-a:", "X_Client", ""].map(
    (name) =>
      [ReceiverSettings, `proxy.identity_header = "${name}"`, "wants the name of a header that begins with X-"] as const
  ),
  ...['["10.0.0"]', '["10.0.0.0/33"]', '["proxy.wg"]', "[]", '["*"]', '"10.0.0.1"', '["::1/129"]'].map(
    (peers) =>
      [
        ReceiverSettings,
        `proxy.identity_header = "X-Client"\nproxy.trusted_peers = ${peers}`,
        "wants a list of one or more IP addresses or networks"
      ] as const
  ),
  [ReceiverSettings, 'version_gate.forgejo_url = "http://f"\nversion_gate.repo_name = "n"', "version_gate.repo_owner"],
  [ReceiverSettings, 'version_gate.branch = "--upload-pack=x"', "version_gate.branch: found"],
  [ReceiverSettings, "version_gate.window = 0", "version_gate.window: found 0, wants a whole number of commits"],
  [ReceiverSettings, '[auth.hosts]\n"-x" = "t"', "auth.hosts.-x: found a key that is no host_id, wants 1 to 64"],
  [ReceiverSettings, "[auth.hosts]\na = []", "auth.hosts.a: found a list, wants a token or a list of tokens"],
  [ReceiverSettings, "[auth.hosts]\na = 5", "auth.hosts.a: found a number, wants a token or a list of tokens"],
  [ReceiverSettings, "[fleet.a]", "fleet.a.agent_url: found nothing, wants an http:// or https:// URL"],
  [
    ReceiverSettings,
    '[fleet.a]\nagent_url = "http://a"\nx = 1',
    "fleet.a.x: found a key that is not known here, wants one of agent_url"
  ],
  [ReceiverSettings, '[fleet.a]\nagent_url = "http://a"\nclient_cert = "/c"', "fleet.a.client_key: found nothing"],
  [ReceiverSettings, "fleet = []", "fleet: found a list, wants a table"]
]

describe("mistakes", () => {
  for (const [schema, text, complaint] of mistakes) {
    it.effect(JSON.stringify(text.replace(MINIMAL, "…")), () =>
      Effect.gen(function* () {
        const lines = (yield* complaintsAbout(schema, text)).split("\n")
        expect(lines).toEqual([`configuration ${FILE} cannot be used:`, expect.stringContaining(complaint)])
      })
    )
  }

  it.effect("are all said at once", () =>
    Effect.gen(function* () {
      const text =
        'host_id = ""\n[shipper]\nconcurrency = 0\nbackoff_seconds = [-1, "a"]\nx = 1\n[paths]\ndata_root = "d"'
      const lines = (yield* complaintsAbout(ShipperSettings, text)).split("\n").slice(1)
      expect(lines.map((line) => line.trim().split(":")[0]).toSorted()).toEqual([
        "host_id",
        "paths.data_root",
        "receiver.url",
        "shipper.backoff_seconds",
        "shipper.concurrency",
        "shipper.x"
      ])
    })
  )

  const leaks: ReadonlyArray<readonly [AnySettings, text: string]> = [
    ...[`"${SECRET} x"`, `["${SECRET}"]`, `{ a = "${SECRET}" }`, `"${SECRET}\\u0000"`].flatMap((value) => [
      ...["bearer_token", "bearer_token_file", "client_key"].map(
        (key) => [ShipperSettings, `${MINIMAL}${key} = ${value}`] as const
      ),
      [ReceiverSettings, `auth.hosts.a = ["ok", ${value}]`] as const,
      [ReceiverSettings, `auth = ${value}`] as const,
      [ReceiverSettings, `[auth]\nbearer_tokn = ${value}`] as const,
      [ReceiverSettings, `[fleet.a]\nagent_url = "http://a"\nagent_token_file = ${value}`] as const,
      [ReceiverSettings, `[fleet.a]\nagent_url = "http://a"\nclient_cert = "/c"\nclient_key = ${value}`] as const
    ]),
    [ShipperSettings, `${MINIMAL}bearer_token_file = "${SECRET}"`],
    [ReceiverSettings, `tls.cert = "/c"\ntls.key = "-----BEGIN ${SECRET}"`],
    [ReceiverSettings, `bearer_token = "${SECRET}"`],
    [ShipperSettings, `${MINIMAL}bearer_token = ${SECRET}`],
    [ShipperSettings, `${MINIMAL}bearer_token = 2000-99-99T00:00:00Z${SECRET}`],
    [ShipperSettings, `host_id = "h"\nreceiver.url = "https://user:${SECRET}@r"`],
    [ShipperSettings, `host_id = "h"\nreceiver.url = "https://user:${SECRET}/x@r"`],
    [ShipperSettings, `host_id = "h"\nreceiver.url = "user:${SECRET}@r"`],
    [ShipperSettings, `host_id = "h"\nreceiver.url = "https://r/?token=${SECRET}"`]
  ]
  for (const [schema, text] of leaks) {
    it.effect(`do not tell the secret in ${JSON.stringify(text.replace(MINIMAL, "…"))}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(loadText(schema, text))
        expect(error.problems).toHaveLength(1)
        expect(error.message).not.toContain(SECRET)
        expect(JSON.stringify(error)).not.toContain(SECRET)
        expect(String(error.stack)).not.toContain(SECRET)
      })
    )
  }
})

describe("the table of keys", () => {
  it("says something of every key, and names each variable once", () => {
    for (const schema of [ShipperSettings, ReceiverSettings]) {
      const rows = settingRows(schema)
      expect(new Set(rows.map((row) => row.key)).size).toBe(rows.length)
      for (const row of rows) expect(row.doc, row.key).toMatch(/^[A-Z].+\.$/)
      const variables = rows.flatMap((row) => row.variable ?? [])
      expect(new Set(variables).size).toBe(variables.length)
    }
  })

  it("tells the defaults that decoding gives", () => {
    for (const [schema, given] of [
      [ShipperSettings, { host_id: "h", receiver: { url: "https://r" } }],
      [ReceiverSettings, {}]
    ] as const) {
      const settings: unknown = Result.getOrThrow(decodeSettings<AnySettings>(schema, given))
      for (const { path, key, presence, ...row } of settingRows(schema)) {
        if (path.includes(ANY_ENTRY)) continue
        const at = path.reduce<unknown>((value, name) => Object(value)[name], settings)
        if (presence === "defaulted") expect(at, key).toEqual(row.default)
        if (presence === "optional" && row.kind !== "table") expect(at, key).toBeUndefined()
      }
    }
  })

  it("finds what was probably meant", () => {
    expect(nearest("recever", ["shipper", "receiver"])).toBe("receiver")
    expect(nearest("agent", ["shipper", "receiver", "code"])).toBeUndefined()
  })
})
