/** Short texts: names, headers, paths, times, addresses. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { expect } from "vitest"
import { addressOf } from "../../../layers/httpServer/listen.ts"
import { formatReprDigest, parseReprDigest } from "../../../src/domain/digest.ts"
import { parseForeignJson } from "../../../src/domain/json.ts"
import { parseListen } from "../../../src/domain/listen.ts"
import {
  Commit,
  EpisodeId,
  HostId,
  isCommit,
  isEpisodeId,
  isHostId,
  isSha256,
  Sha256,
  suffixed,
  withoutSuffix
} from "../../../src/domain/names.ts"
import { isWithin, parseNetwork } from "../../../src/domain/network.ts"
import { header, path } from "../../../src/domain/protocol.ts"
import { valueFound } from "../../../src/domain/settingFound.ts"
import { formatTime, parseTime } from "../../../src/domain/time.ts"
import { MAX_RETRY_AFTER_S, parseRetryAfter } from "../../../src/domain/verdict.ts"
import * as Auth from "../../../src/receiver/auth.ts"
import { identify } from "../../../src/receiver/identity.ts"
import { issuedPath, parseIssued, pathsIn } from "../../../src/receiver/pki/layout.ts"
import { announcementIn } from "../../../src/receiver/questions.ts"
import { incomingPath, parseIncoming, parseStored, storedPath } from "../../../src/receiver/storePaths.ts"
import { namesIn, targetOf } from "../../../src/receiver/target.ts"
import { layerSync } from "../../support/codecSync.ts"
import { jsonNear, textNear } from "../mutate.ts"
import { outcomeNow } from "../outcome.ts"
import { type Decoder, row } from "./row.ts"
import { commit, episodeId, hostId, sha256, time } from "./samples.ts"

const nameRules = [
  { is: isHostId, schema: HostId, longest: 64 },
  { is: isEpisodeId, schema: EpisodeId, longest: 128 },
  { is: isCommit, schema: Commit, longest: 40 },
  { is: isSha256, schema: Sha256, longest: 64 }
] as const

const names = row<string, ReadonlyArray<boolean>>({
  reads: "names, wherever they come from",
  in: ["domain/names.ts"],
  sound: fc.oneof(hostId, episodeId, commit, sha256),
  near: textNear(fc.oneof(hostId, episodeId, commit, sha256)),
  read: (text) => nameRules.map(({ is }) => is(text)),
  typed: (answers, text) => {
    expect(answers).toEqual(nameRules.map(({ schema }) => Schema.is(schema)(text)))
    if (answers.includes(true)) expect(text).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)
    if (answers.includes(true)) expect(withoutSuffix(suffixed(text, 3))).toBe(text)
    expect(text.startsWith(withoutSuffix(text))).toBe(true)
  },
  understood: (answers) => expect(answers).toContain(true)
})

const digest = row<string, Sha256 | undefined>({
  reads: "Repr-Digest headers",
  in: ["domain/digest.ts"],
  sound: sha256.map(formatReprDigest),
  near: textNear(
    fc.oneof(
      sha256.map(formatReprDigest),
      sha256.map((hex) => `md5=:aa==:, ${formatReprDigest(hex)}`)
    )
  ),
  read: parseReprDigest,
  typed: (answer) => {
    if (answer === undefined) return
    expect(isSha256(answer)).toBe(true)
    expect(parseReprDigest(formatReprDigest(answer))).toBe(answer)
  },
  understood: (answer, field) => expect(answer && formatReprDigest(answer)).toBe(field)
})

const listen = row({
  reads: "addresses to listen on",
  in: ["domain/listen.ts"],
  sound: fc.oneof(
    fc
      .tuple(fc.constantFrom("127.0.0.1", "[::1]", "localhost", "a-b.wg"), fc.nat(65_535))
      .map((both) => both.join(":")),
    fc.constantFrom("unix:/run/x", "unix:/a b")
  ),
  near: textNear(fc.constantFrom("127.0.0.1:8490", "[::1]:0", "unix:/run/cis490/socket", "[fe80::1%eth0]:80")),
  read: (text) => ({ found: parseListen(text), used: outcomeNow(addressOf(text)), may: Auth.mayListen(text, false) }),
  typed: ({ found, may, used }, text) => {
    if (found?._tag === "Tcp") {
      // What a configuration may say is what a server can be told.
      expect(used).toMatchObject({ success: { host: found.host, port: found.port } })
      expect(found.port).toBeLessThanOrEqual(65_535)
    }
    if (found?._tag === "Unix" && Result.isSuccess(used)) expect(used.success).toEqual({ path: found.path })
    if (found === undefined) expect(may, text).toBeTypeOf("string")
  },
  understood: ({ found, used }) => {
    expect(found).toBeDefined()
    expect(Result.isSuccess(used)).toBe(true)
  },
  found: ["unix:8490"]
})

const times = row({
  reads: "times that people and recorders wrote",
  in: ["domain/time.ts"],
  sound: time,
  near: textNear(
    fc.oneof(time, fc.constantFrom("2024-02-29", "1969-12-31t23:59:59.999+23:59", "2025-06-30T23:59:60Z"))
  ),
  read: parseTime,
  typed: (answer) => {
    if (Option.isNone(answer)) return
    expect(Number.isInteger(answer.value)).toBe(true)
    expect(parseTime(formatTime(answer.value))).toEqual(answer)
  },
  understood: (answer, text) => expect(formatTime(Option.getOrThrow(answer))).toBe(text)
})

const retryAfter = row({
  reads: "Retry-After headers",
  in: ["domain/verdict.ts"],
  sound: fc.oneof(
    fc.nat({ max: 10_000 }).map(String),
    time.map((at) => new Date(at).toUTCString())
  ),
  near: textNear(
    fc.oneof(
      fc.nat().map(String),
      time.map((at) => new Date(at).toUTCString())
    )
  ),
  read: (field) => parseRetryAfter(field, 1_700_000_000_000),
  typed: (seconds, field) => {
    if (/^\d+$/.test(field)) expect(seconds).toBe(Math.min(Number(field), MAX_RETRY_AFTER_S))
    if (seconds === undefined) return
    expect(seconds).toBeGreaterThanOrEqual(0)
    expect(seconds).toBeLessThanOrEqual(MAX_RETRY_AFTER_S)
  },
  understood: (seconds) => expect(seconds).toBeTypeOf("number"),
  found: ["9".repeat(400)]
})

const depth = (value: unknown, limit: number): boolean =>
  typeof value !== "object" ||
  value === null ||
  (limit > 0 && Object.values(value).every((each) => depth(each, limit - 1)))

/** Nested around the limit, with brackets that are none. */
const nested = fc
  .tuple(
    fc.nat({ max: 250 }),
    fc.constantFrom('{"a":', '{"\\\\":', '{"}\\"":', "["),
    fc.constantFrom('"["', '"\\"{"', "1", '"]}"')
  )
  .map(([depth, open, inner]) => open.repeat(depth) + inner + (open === "[" ? "]" : "}").repeat(depth))

const json = row<string, unknown>({
  reads: "JSON from anybody",
  in: ["domain/json.ts"],
  sound: fc.json(),
  near: fc.oneof(nested, jsonNear(fc.dictionary(fc.string(), fc.jsonValue()))),
  read: parseForeignJson,
  typed: (value) => {
    // It is logged, shown and written again.
    expect(depth(value, 100)).toBe(true)
    if (value !== undefined) expect(JSON.parse(JSON.stringify(value))).toEqual(value)
  },
  understood: (value, text) => expect(value).toEqual(JSON.parse(text))
})

const target = row({
  reads: "request targets",
  in: ["receiver/target.ts"],
  sound: fc.oneof(
    fc.constantFrom<string>(path.health, path.ping, path.openapi, `http://x${path.ping}?a=b`),
    fc.tuple(hostId, episodeId).map(([host, episode]) => path.episode(host, episode))
  ),
  near: textNear(fc.tuple(hostId, episodeId).map(([host, episode]) => path.episode(host, episode))),
  read: targetOf,
  typed: (target) => {
    if (target?._tag !== "Episode") return
    const names = namesIn(target)
    if (Result.isFailure(names)) return expect(names.failure.problem).toBe("bad-name")
    expect(targetOf(path.episode(names.success.hostId, names.success.episodeId))).toEqual(target)
    expect(storedPath("/s", names.success)).toMatch(/^\/s\/[A-Za-z0-9][^/]*\/[A-Za-z0-9][^/]*\.tar\.zst$/)
  },
  understood: (target) => expect(target).toBeDefined()
})

const soundFields = fc.record({
  "content-length": fc.nat().map(String),
  [header.reprDigest]: sha256.map(formatReprDigest),
  [header.codeCommit]: commit,
  [header.contentSha256]: sha256
})
const field = textNear(fc.oneof(fc.nat().map(String), sha256.map(formatReprDigest), commit, sha256))
const nearFields = fc
  .tuple(
    soundFields,
    fc.dictionary(
      fc.constantFrom(
        "content-length",
        "transfer-encoding",
        header.reprDigest,
        header.codeCommit,
        header.contentSha256
      ),
      fc.option(field, { nil: undefined })
    )
  )
  .map(([sound, near]): Record<string, string | undefined> => ({ ...sound, ...near }))

const announcement = row<Record<string, string | undefined>, ReturnType<typeof announcementIn>>({
  reads: "the headers of an upload",
  in: ["receiver/questions.ts"],
  sound: soundFields,
  near: nearFields,
  read: (fields) =>
    announcementIn({ hostId: HostId.make("h"), episodeId: EpisodeId.make("e") }, fields, {
      enabled: true,
      remediation: ""
    }),
  typed: (answer) => {
    if (Result.isFailure(answer)) {
      return expect(["length-required", "bad-digest", "missing-commit", "bad-commit"]).toContain(answer.failure.problem)
    }
    const { bytes, commit, contentSha256, sha256 } = answer.success
    expect(bytes).toBeGreaterThanOrEqual(0)
    expect([isSha256(sha256), isCommit(commit), contentSha256 === undefined || isSha256(contentSha256)]).toEqual(
      Array(3).fill(true)
    )
  },
  understood: (answer) => expect(Result.isSuccess(answer)).toBe(true)
})

const TOKEN = "a-Token.0"
const auth = Effect.runSync(
  Effect.provide(
    Auth.Auth,
    Auth.layer(Effect.succeed({ shared: Redacted.make(TOKEN), hosts: {}, admin: undefined })).pipe((layer) =>
      Layer.provide(layer, layerSync)
    )
  )
)
const authorization = row({
  reads: "Authorization headers",
  in: ["bearer.ts", "receiver/auth.ts"],
  sound: fc.constantFrom(`Bearer ${TOKEN}`, `bearer   ${TOKEN}  `),
  near: textNear(fc.constantFrom(`Bearer ${TOKEN}`, `BEARER  ${TOKEN} `)),
  read: (field) => outcomeNow(auth.authenticate({ headers: { authorization: field } })),
  typed: (answer, field) => {
    if (Result.isFailure(answer)) return expect(answer.failure.problem).toBe("unauthenticated")
    expect(field.trimEnd().split(" ").at(-1)).toBe(TOKEN)
  },
  understood: (answer) => expect(Result.isSuccess(answer)).toBe(true)
})

const network = row({
  reads: "IP addresses and networks",
  in: ["domain/network.ts"],
  sound: fc.oneof(
    fc.tuple(fc.ipV4(), fc.nat(32)).map(([ip, prefix]) => `${ip}/${prefix}`),
    fc.tuple(fc.ipV6(), fc.nat(128)).map(([ip, prefix]) => `${ip}/${prefix}`)
  ),
  near: textNear(
    fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom("10.0.0.0/8", "fd00::/8", "::ffff:10.0.0.7", "fe80::1%eth0"))
  ),
  read: (text) => ({ found: parseNetwork(text), within: isWithin([{ bits: 32, value: 0n, prefix: 0 }], text) }),
  typed: ({ found, within }, text) => {
    if (found === undefined) return expect(within).toBe(false)
    expect(found.prefix).toBeLessThanOrEqual(found.bits)
    expect(found.value >= 0n && found.value < 1n << BigInt(found.bits)).toBe(true)
    if (!text.includes("/")) expect(isWithin([found], text)).toBe(true)
  },
  understood: ({ found }, text) => expect(found && isWithin([found], text.split("/")[0] ?? "")).toBe(true)
})

/** Everything that is said of one client: by its certificate, by a proxy, by its token. */
const evidence = fc.record({
  names: fc.array(textNear(hostId), { maxLength: 3 }),
  identity: textNear(hostId),
  ip: textNear(fc.ipV4()),
  token: fc.constantFrom("lab-1", "lab-2")
})

const identities = row({
  reads: "names in certificates and in a proxy's headers",
  in: ["receiver/identity.ts"],
  sound: fc.record({
    names: hostId.map((id) => [id]),
    identity: fc.constant(""),
    ip: fc.constant(""),
    token: fc.constant("lab-1")
  }),
  near: evidence,
  read: ({ identity, ip, names, token }) =>
    [false, true].map((withToken) =>
      identify(
        {
          tokens: withToken,
          certificates: true,
          proxy: { header: "x-id", trusted: [{ bits: 32, value: 0n, prefix: 0 }] }
        },
        {
          token: Result.succeed({ _tag: "OnlyHosts", hostIds: [token], means: "token" }),
          peer: { socket: "tcp", ip, certificate: { _tag: "Trusted", names, notAfter: 1 } },
          headers: { "x-id": identity },
          now: 0
        }
      )
    ),
  typed: (answers, { identity, names, token }) => {
    for (const [i, answer] of answers.entries()) {
      if (Result.isFailure(answer)) {
        expect(["unauthenticated", "certificate-refused", "wrong-host"]).toContain(answer.failure.problem)
        continue
      }
      const client = answer.success
      if (client._tag === "AnyHost") return expect.unreachable()
      expect(client.hostIds.every((id) => isHostId(id) && [...names, identity].includes(id))).toBe(true)
      if (i === 1) expect(client.hostIds).toEqual([token])
    }
  },
  understood: ([answer]) => expect(answer && Result.isSuccess(answer)).toBe(true)
})

const fileNames = row({
  reads: "names in store/ and incoming/",
  in: ["receiver/storePaths.ts"],
  sound: fc
    .tuple(
      hostId,
      episodeId,
      fc.nat().map((n) => n.toString(36))
    )
    .map(([host, episode, random]) => incomingPath("", { hostId: host, episodeId: episode }, random).slice(1)),
  near: textNear(
    fc.oneof(
      fc.tuple(hostId, episodeId).map(([host, episode]) => `${host}~${episode}~0a.part`),
      episodeId.map((episode) => `${episode}.tar.zst`)
    )
  ),
  read: (name) => ({ incoming: parseIncoming(name), stored: parseStored(name) }),
  typed: ({ incoming, stored }, name) => {
    if (stored !== undefined) expect(storedPath("", { hostId: HostId.make("h"), episodeId: stored })).toBe(`/h/${name}`)
    if (incoming === undefined) return
    expect(isHostId(incoming.hostId) && isEpisodeId(incoming.episodeId)).toBe(true)
    expect(name.startsWith(`${incoming.hostId}~${incoming.episodeId}~`)).toBe(true)
  },
  understood: ({ incoming }, name) =>
    expect(incoming && incomingPath("", incoming, name.slice(name.lastIndexOf("~") + 1, -".part".length))).toBe(
      `/${name}`
    )
})

const issued = row({
  reads: "names of issued certificates",
  in: ["receiver/pki/layout.ts"],
  sound: fc.tuple(hostId, fc.nat()).map(([host, serial]) => `host~${host}~${serial.toString(16)}.pem`),
  near: textNear(fc.tuple(hostId, fc.nat()).map(([host, serial]) => `server~${host}~${serial.toString(16)}.pem`)),
  read: parseIssued,
  typed: (found, name) => {
    if (found !== undefined) expect(issuedPath(pathsIn("/pki"), found, found.serial)).toBe(`/pki/issued/${name}`)
  },
  understood: (found) => expect(found?.kind).toBe("host")
})

const shown = row({
  reads: "values that are shown because they are wrong",
  in: ["domain/settingFound.ts"],
  sound: fc.constantFrom("https://user:SECRET@host", "https://host/path?SECRET", "host/SECRET@x"),
  near: textNear(fc.constantFrom("https://user:pass@host/?a#b", "://", "user@", "?x")).map((text) => `${text}`),
  read: valueFound,
  typed: (words) => expect(words.length).toBeLessThanOrEqual(6 * 81 + 2),
  understood: (words) => expect(words).not.toContain("SECRET")
})

export const words: ReadonlyArray<Decoder> = [
  names,
  digest,
  listen,
  times,
  retryAfter,
  json,
  target,
  announcement,
  authorization,
  network,
  identities,
  fileNames,
  issued,
  shown
]
