/** Small things that could make much of themselves, each read in a thread of its own with little memory: see `confined.test.ts`. */
import { parentPort, workerData } from "node:worker_threads"
import * as Effect from "effect/Effect"
import { loadConfig } from "../../src/cli/config.ts"
import { parseReprDigest } from "../../src/domain/digest.ts"
import { parseForeignJson } from "../../src/domain/json.ts"
import { checkMarker } from "../../src/domain/manifest.ts"
import { EpisodeId } from "../../src/domain/names.ts"
import { ReceiverSettings } from "../../src/domain/receiverSettings.ts"
import { ShipperSettings } from "../../src/domain/shipperSettings.ts"
import { MAX_MARKER_BYTES } from "../../src/domain/tar.ts"
import { judge } from "../../src/domain/verdict.ts"
import { makeArchiveCheck } from "../../src/receiver/archiveCheck.ts"
import { parseLine, subjectOf } from "../../src/receiver/rowLine.ts"
import { targetOf } from "../../src/receiver/target.ts"
import { Environment } from "../../src/services/Environment.ts"
import { readToken } from "../../src/token.ts"
import { sha256 } from "../support/codecSync.ts"
import { EPISODE, file, meta, pax, record, tarOf } from "../support/tarball.ts"
import { memoryFiles } from "./memoryFiles.ts"
import { outcomeNow } from "./outcome.ts"

const MIB = 1024 * 1024
const ZEROS = "0".repeat(64)

const configured = (schema: typeof ShipperSettings | typeof ReceiverSettings, text: string) =>
  outcomeNow(
    loadConfig<typeof ShipperSettings | typeof ReceiverSettings>(schema, "/it.toml").pipe(
      Effect.provide(memoryFiles({ "/it.toml": text.slice(0, MIB) }).layer),
      Effect.provideService(Environment, { variables: {} })
    )
  )

const checked = (tar: Uint8Array) => {
  const check = makeArchiveCheck(
    { episodeId: EpisodeId.make(EPISODE), maxMembers: 100_000, maxUnpackedBytes: 2 ** 34 },
    sha256
  )
  for (let at = 0; at < tar.length; at += MIB) check.push(tar.subarray(at, at + MIB))
  return check.end()
}

/** Members of the tar of one episode, without ever having them all. */
const streamed = (member: (n: number) => Uint8Array, members: number) => {
  const check = makeArchiveCheck(
    { episodeId: EpisodeId.make(EPISODE), maxMembers: 100_000, maxUnpackedBytes: 2 ** 34 },
    sha256
  )
  for (let n = 0; n < members; n++) check.push(member(n))
  check.push(tarOf(meta, file(`${EPISODE}/done.marker`)))
  return check.end()
}

const answer = (body: unknown) =>
  judge(
    { status: 412, retryAfter: undefined, body },
    { hostId: "h" as never, episodeId: "e" as never, sha256: ZEROS as never, contentSha256: ZEROS as never },
    0
  )

export const hostile: Readonly<Record<string, () => unknown>> = {
  "a done.marker of newlines": () => checkMarker("\n".repeat(MAX_MARKER_BYTES), new Map()),
  "a done.marker that names one file without end": () =>
    checkMarker(`${ZEROS}  a\n`.repeat(MAX_MARKER_BYTES / 68), new Map([["a", ZEROS]])),
  "a done.marker of one long line": () => checkMarker(`${ZEROS}  ${"\\n".repeat(MAX_MARKER_BYTES / 2)}\n`, new Map()),
  "an archive with such a done.marker": () =>
    checked(tarOf(meta, file(`${EPISODE}/done.marker`, new Uint8Array(MAX_MARKER_BYTES).fill(10)))),
  "an archive of many long paths": () =>
    streamed((n) => {
      const path = `${EPISODE}/${"d/".repeat(60)}${n}`
      return Buffer.concat([pax(record("path", path)), file("x")])
    }, 20_000),
  "an archive of paths that begin with each other": () =>
    streamed(
      (n) =>
        Buffer.concat([pax(record("path", `${EPISODE}/${"a".repeat((n % 900) + 1)}${n < 900 ? "" : n}`)), file("x")]),
      20_000
    ),
  "a meta.json nested as deep as it is long": () =>
    checked(
      tarOf(file(`${EPISODE}/meta.json`, "[".repeat(MIB / 2) + "]".repeat(MIB / 2)), file(`${EPISODE}/done.marker`))
    ),
  "JSON nested as deep as it is long": () =>
    parseForeignJson(`{"error":"x","a":${'{"a":'.repeat(150_000)}1${"}".repeat(150_001)}`),
  "an answer with an error of spaces": () => answer({ error: `${" ".repeat(MIB)}x` }),
  "a row of the index nested as deep as it is long": () => [
    subjectOf(`{"host_id":"h","x":${"[".repeat(MIB)}${"]".repeat(MIB)}}`),
    parseLine("[".repeat(MIB))
  ],
  "a digest header of commas": () => parseReprDigest(`${" ,".repeat(MIB)}sha-256=:`),
  "a request target of slashes": () => targetOf(`/v1/episodes/${"/".repeat(MIB)}`),
  "a URL of slashes": () =>
    configured(ShipperSettings, `host_id = "a"\n[receiver]\nurl = "http://x${"/".repeat(MIB - 100)}y"`),
  "a wrong value of schemes": () => configured(ReceiverSettings, `listen = "${"://".repeat(300_000)}"`),
  "a configuration nested as deep as it is long": () => configured(ShipperSettings, `a = ${"[".repeat(MIB)}`),
  "a configuration of dotted keys": () => configured(ShipperSettings, `receiver${".a".repeat(400_000)} = 1`),
  "a configuration of unknown keys": () =>
    configured(
      ShipperSettings,
      `host_id = "a"\n${Array.from({ length: 20_000 }, (_, n) => `receiver.k${n} = 1`).join("\n")}`
    ),
  "a token file of newlines": () =>
    outcomeNow(Effect.provide(readToken("/t"), memoryFiles({ "/t": `a${"\n".repeat(MIB)}b` }).layer))
}

const chosen: unknown = workerData
if (typeof chosen === "string" && parentPort !== null) {
  hostile[chosen]?.()
  parentPort.postMessage("done")
}
