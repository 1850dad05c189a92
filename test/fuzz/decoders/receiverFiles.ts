/** What lies on the receiver: the index, what hosts said last; and the configuration of both programs. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { expect } from "vitest"
import { loadConfig } from "../../../src/cli/config.ts"
import { ConfigError } from "../../../src/cli/configError.ts"
import type { AnySettings } from "../../../src/domain/decodeSettings.ts"
import { HostId } from "../../../src/domain/names.ts"
import { PingBody } from "../../../src/domain/ping.ts"
import { ReceiverSettings } from "../../../src/domain/receiverSettings.ts"
import { runOuts } from "../../../src/domain/revocationList.ts"
import { IndexRow } from "../../../src/domain/row.ts"
import { settingRows } from "../../../src/domain/settingRow.ts"
import { ShipperSettings } from "../../../src/domain/shipperSettings.ts"
import { HostRow, readHosts, remembered } from "../../../src/receiver/hosts.ts"
import { formatRow, isWhole, parseLine, subjectOf } from "../../../src/receiver/rowLine.ts"
import { Environment } from "../../../src/services/Environment.ts"
import { memoryFiles } from "../memoryFiles.ts"
import { anyBytes, bytesNear, jsonNear, mutatedBytes, textNear } from "../mutate.ts"
import { outcomeNow } from "../outcome.ts"
import { type Decoder, row } from "./row.ts"
import { commit, count, episodeId, hostId, sha256, time } from "./samples.ts"

export const indexRow: fc.Arbitrary<IndexRow> = fc.record(
  {
    schema_version: fc.constant(1),
    host_id: hostId,
    episode_id: episodeId,
    sha256,
    bytes: count,
    content_sha256: sha256,
    received_at: time,
    commit,
    status: fc.constant("withdrawn" as const)
  },
  { requiredKeys: ["host_id", "episode_id", "sha256", "bytes"] }
)

/** A line in the order and shape of ours, with values that are nearly right. */
const shaped = fc
  .tuple(
    indexRow,
    fc.constantFrom(":", ": "),
    fc.constantFrom(",", ", "),
    fc.dictionary(
      fc.constantFrom(
        "schema_version",
        "host_id",
        "episode_id",
        "sha256",
        "bytes",
        "content_sha256",
        "received_at",
        "commit"
      ),
      fc.constantFrom(
        "00",
        "01",
        "1.0",
        "1e3",
        "-0",
        "999999999999999",
        "9999999999999999",
        "null",
        '""',
        '"a~1"',
        '"\\u0061"',
        `"${"A".repeat(64)}"`,
        `"${"0".repeat(40)}"`,
        '"2026"'
      ),
      { maxKeys: 2 }
    )
  )
  .map(([row, colon, comma, odd]) => {
    const values = { schema_version: 1, content_sha256: row.sha256, received_at: "2026-01-01T00:00:00.000Z", ...row }
    const names = [
      "schema_version",
      "host_id",
      "episode_id",
      "sha256",
      "bytes",
      "content_sha256",
      "received_at",
      "commit"
    ] as const
    const members = names.flatMap((name) => {
      const value = odd[name] ?? (values[name] === undefined ? undefined : JSON.stringify(values[name]))
      return value === undefined ? [] : [`"${name}"${colon}${value}`]
    })
    return `{${members.join(comma)}}`
  })

const PEM = join(import.meta.dirname, "../../support/pem/crl")

const lines = row({
  reads: "lines of the index",
  in: ["receiver/rowLine.ts", "domain/row.ts", "receiver/readRow.ts"],
  sound: indexRow.map((row) => formatRow(row).slice(0, -1)),
  near: fc.oneof(shaped, jsonNear(indexRow), textNear(indexRow.map((row) => formatRow(row).slice(0, -1)))),
  read: (text) => ({ line: parseLine(text), subject: subjectOf(text), whole: isWhole(text) }),
  typed: ({ line, subject, whole }) => {
    // Told without parsing or with it: the same.
    if (line._tag === "Stands") {
      expect(Schema.is(IndexRow)(line.row)).toBe(true)
      expect(line.row.status).toBeUndefined()
      expect(subject).toEqual({ name: { hostId: line.row.host_id, episodeId: line.row.episode_id }, stands: true })
      expect(subjectOf(formatRow(line.row).slice(0, -1))).toEqual(subject)
    } else if (line._tag === "Withdrawn") expect(subject).toEqual({ name: line.name, stands: false })
    else expect(subject).toBe(line._tag.toLowerCase())
    if (line._tag !== "Unreadable") expect(whole).toBe(true)
  },
  understood: ({ line }, text) => {
    expect(line._tag).toBe(JSON.parse(text).status === "withdrawn" ? "Withdrawn" : "Stands")
    if (line._tag === "Stands") expect(formatRow(line.row).slice(0, -1)).toBe(text)
  }
})

const said = fc.record(
  {
    host_id: fc.constant(HostId.make("lab-1")),
    commit: fc.option(commit),
    version: fc.option(fc.string()),
    instance_id: fc.option(fc.string()),
    waiting: fc.option(count),
    oldest_waiting_at: fc.option(time),
    quarantined: fc.option(count),
    conflicts: fc.option(count),
    free_bytes: fc.option(count)
  },
  { requiredKeys: ["host_id"] }
)
const hostRow = fc.record({
  host_id: fc.constant("lab-1"),
  seen_at: time,
  said,
  instances: fc.array(fc.record({ id: fc.string(), seen_at: time }), { maxLength: 20 })
})

const NOW = 1_700_000_000_000
const body = PingBody.make({ host_id: HostId.make("lab-1"), instance_id: "this" })

const hosts = row({
  reads: "what hosts said last",
  in: ["receiver/hostFiles.ts", "receiver/hosts.ts"],
  sound: hostRow.map((row) => JSON.stringify(row)),
  near: jsonNear(hostRow),
  read: (text) =>
    Result.getOrThrow(outcomeNow(Effect.provide(readHosts("/h"), memoryFiles({ "/h/lab-1.json": text }).layer))),
  typed: (rows) => {
    expect(rows.length).toBeLessThanOrEqual(1)
    expect(rows.every(Schema.is(HostRow))).toBe(true)
    // The next ping makes something of it that can be read again, and that does not grow.
    const next = remembered(rows[0], body, NOW)
    expect(Schema.is(HostRow)(next)).toBe(true)
    expect(next.instances.length).toBeLessThanOrEqual(16)
  },
  understood: (rows, text) => expect(rows[0]?.seen_at).toBe(JSON.parse(text).seen_at)
})

const pings = row({
  reads: "bodies of a ping",
  in: ["domain/ping.ts"],
  sound: said.map((said) => JSON.stringify(said)),
  near: jsonNear(said),
  read: (text) => outcomeNow(Schema.decodeUnknownEffect(Schema.fromJsonString(PingBody))(text)),
  typed: (found) => {
    if (Result.isSuccess(found)) expect(Schema.is(PingBody)(found.success)).toBe(true)
    // It is the answer's `error`: never as long as what was sent.
    else expect(found.failure.message.length).toBeLessThan(300)
  },
  understood: (found) => expect(Result.isSuccess(found)).toBe(true)
})

const FILE = "/etc/it.toml"
type Variables = Readonly<Record<string, string>>

const configuration = (program: string, schema: AnySettings) => {
  const example = new Uint8Array(readFileSync(join(import.meta.dirname, `../../../etc/${program}.toml.example`)))
  // What is set by default stands behind a `#` there.
  const everything = new Uint8Array(
    Buffer.from(
      Buffer.from(example)
        .toString()
        .replaceAll(/^#(?=\[?[a-z_]+(\]| =))/gm, "")
    )
  )
  const variables = settingRows(schema).flatMap(({ variable }) => variable ?? [])
  const environment = fc.dictionary(
    fc.constantFrom(...variables, "HOME"),
    textNear(fc.constantFrom("true", "[1, 2]", "/home/a", "4", "https://r/", '"x"')),
    { maxKeys: 3 }
  )
  const none: Variables = {}
  return row<readonly [Uint8Array, Variables], Result.Result<unknown, ConfigError>>({
    reads: `${program}.toml and its environment`,
    in: [
      "cli/config.ts",
      "cli/configFile.ts",
      "cli/configEnvironment.ts",
      "domain/decodeSettings.ts",
      "domain/settingValue.ts",
      `domain/${program === "receiver" ? "receiver" : "shipper"}Settings.ts`
    ],
    sound: fc.constant([example, none]),
    near: fc.tuple(
      fc.oneof(mutatedBytes(fc.constant(example)), mutatedBytes(fc.constant(everything)), anyBytes),
      fc.oneof(fc.constant(none), environment)
    ),
    read: ([bytes, variables]) =>
      outcomeNow(
        loadConfig(schema, FILE).pipe(
          Effect.provide(memoryFiles({ [FILE]: bytes }).layer),
          Effect.provideService(Environment, { variables })
        )
      ),
    typed: (found) => {
      if (Result.isSuccess(found)) return
      expect(found.failure).toBeInstanceOf(ConfigError)
      expect(found.failure.problems.length).toBeGreaterThan(0)
      expect(found.failure.problems.every(({ found, wants }) => found !== "" && wants !== "")).toBe(true)
    },
    understood: (found) => expect(Result.isSuccess(found)).toBe(true),
    share: 0.25
  })
}

const CRL = readdirSync(PEM)
  .filter((name) => name.endsWith(".pem"))
  .map((name) => readFileSync(join(PEM, name), "utf8"))
  .filter((text) => text.includes("BEGIN X509 CRL"))
const derOf = (pem: string): Uint8Array =>
  new Uint8Array(Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64"))
const pemOf = (der: Uint8Array): string =>
  `-----BEGIN X509 CRL-----\n${Buffer.from(der).toString("base64")}\n-----END X509 CRL-----\n`

const revocationLists = row({
  reads: "lists of revoked certificates",
  in: ["domain/revocationList.ts"],
  sound: fc.constantFrom(...CRL),
  near: fc.oneof(textNear(fc.constantFrom(...CRL)), bytesNear(fc.constantFrom(...CRL.map(derOf))).map(pemOf)),
  read: runOuts,
  typed: (ends) => {
    for (const end of ends) expect(end === undefined || end === "never" || Number.isFinite(end)).toBe(true)
  },
  understood: (ends) => {
    expect(ends.length).toBeGreaterThan(0)
    expect(ends).not.toContain(undefined)
  },
  share: 0.5
})

export const receiverFiles: ReadonlyArray<Decoder> = [
  lines,
  revocationLists,
  hosts,
  pings,
  configuration("lab-host", ShipperSettings),
  configuration("receiver", ReceiverSettings)
]
