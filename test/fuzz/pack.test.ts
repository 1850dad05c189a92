/** Whatever a recorder leaves: it can never be packed, or the receiver takes what was packed for the same content. */
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { afterAll, expect, it } from "vitest"
import { layerCodec } from "../../layers/Codec.ts"
import { layerVolume } from "../../layers/Volume.ts"
import { EpisodeId } from "../../src/domain/names.ts"
import { examine } from "../../src/receiver/examine.ts"
import { readCommit } from "../../src/shipper/episodeCommit.ts"
import { takeInventory } from "../../src/shipper/inventory.ts"
import { Layout, pathsBelow } from "../../src/shipper/layout.ts"
import { Progress } from "../../src/shipper/Progress.ts"
import { pack } from "../../src/shipper/pack.ts"
import { META } from "../support/tarball.ts"
import { sha256Of } from "../support/wire.ts"
import { relativePath } from "./decoders/samples.ts"
import { part } from "./effort.ts"
import { bytesNear, textNear } from "./mutate.ts"
import { outcome } from "./outcome.ts"

const root = fs.mkdtempSync(join(tmpdir(), "cis490-fuzz-"))
afterAll(() => fs.rmSync(root, { recursive: true, force: true }))
const paths = pathsBelow(root)
for (const path of [paths.outbox, `${paths.state}/packed`]) fs.mkdirSync(path, { recursive: true })

const ID = EpisodeId.make("01JC0EPISODE")
const WORLD = Layer.mergeAll(
  NodeFileSystem.layer,
  layerVolume,
  layerCodec,
  Progress.layer,
  Layer.succeed(Layout, paths)
)
const BOUNDS = { maxMembers: 1000, maxUnpackedBytes: 1e8 }

type Kind = "file" | "directory" | "link" | "fifo"
interface Left {
  readonly path: string | Uint8Array
  readonly kind: Kind
  readonly content: Uint8Array
  readonly mode: number
  /** Seconds. */
  readonly mtime: number
}

const left: fc.Arbitrary<Left> = fc.record({
  path: fc.oneof(
    { arbitrary: relativePath, weight: 20 },
    fc.constantFrom(
      "a\nb",
      "a\rb",
      "a\x7fb",
      "quarantine_reason.json",
      "done.marker.tmp",
      " ",
      `${"d".repeat(200)}/`.repeat(6) + "x",
      Uint8Array.of(0x61, 0xff),
      Uint8Array.of(0xc0, 0xaf)
    )
  ),
  kind: fc.constantFrom<Kind>(
    "file",
    "file",
    "file",
    "file",
    "file",
    "file",
    "file",
    "file",
    "directory",
    "directory",
    "directory",
    "link"
  ),
  content: fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc.nat({ max: 30_000 }).map((size) => new Uint8Array(size))
  ),
  mode: fc.constantFrom(0o644, 0o600, 0o755, 0o711),
  mtime: fc.double({ min: -1e9, max: 1e10, noNaN: true })
})

/** Puts it on the disk as far as the disk and what is there already allow. */
const leave = (episode: string, { content, kind, mode, mtime, path }: Left): void => {
  const at = Buffer.concat([Buffer.from(`${episode}/`), Buffer.from(path)])
  try {
    if (typeof path === "string") fs.mkdirSync(dirname(at.toString()), { recursive: true })
    if (kind === "directory") fs.mkdirSync(at)
    else if (kind === "link") fs.symlinkSync("meta.json", at)
    else fs.writeFileSync(at, content, { mode, flag: "wx" })
    if (kind !== "link") fs.utimesSync(at, mtime, mtime)
  } catch (error) {
    if (
      !(
        error instanceof Error &&
        "code" in error &&
        ["EEXIST", "ENOTDIR", "EISDIR", "ENAMETOOLONG"].includes(String(error.code))
      )
    )
      throw error
  }
}

const filesBelow = (top: string, below = ""): ReadonlyArray<string> =>
  fs.readdirSync(join(top, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below === "" ? entry.name : `${below}/${entry.name}`
    // Nothing is found under a name that is not UTF-8.
    if (!fs.existsSync(join(top, path))) return []
    if (entry.isDirectory()) return filesBelow(top, path)
    return entry.isFile() && path !== "quarantine_reason.json" ? [path] : []
  })

/** What `sha256sum` would print. */
const manifestOf = (top: string): string =>
  filesBelow(top)
    .filter((path) => path !== "done.marker")
    .map((path) => {
      const name = path.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r")
      return `${name === path ? "" : "\\"}${sha256Of(fs.readFileSync(join(top, path)))}  ${name}\n`
    })
    .join("")

const sound = new Uint8Array(Buffer.from(META))

it("is unpackable, or the same episode to shipper and receiver", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(left, { maxLength: 6 }),
      fc.oneof(fc.constant(sound), bytesNear(fc.constant(sound))),
      fc.option(fc.tuple(fc.boolean(), textNear(fc.constant("")), fc.nat(), fc.boolean()), { freq: 3 }),
      async (lefts, meta, marker) => {
        const episode = paths.episode(ID)
        fs.rmSync(episode, { recursive: true, force: true })
        fs.mkdirSync(episode, { recursive: true })
        fs.writeFileSync(join(episode, "meta.json"), meta)
        for (const one of lefts) leave(episode, one)
        const manifest = manifestOf(episode)
        const [isSound, harm, at, isOver] = marker ?? [true, "", 0, false]
        const place = at % (manifest.length + 1)
        const harmed = isSound
          ? manifest
          : manifest.slice(0, place) + harm + manifest.slice(place + (isOver ? harm.length : 0))
        fs.rmSync(join(episode, "done.marker"), { recursive: true, force: true })
        fs.writeFileSync(join(episode, "done.marker"), marker === null ? "" : harmed)

        const packed = await outcome(
          Effect.flatMap(takeInventory(episode, ID), (inventory) => pack(ID, inventory, 3)).pipe(Effect.provide(WORLD))
        )
        if (Result.isFailure(packed)) {
          expect(packed.failure).toMatchObject({ _tag: "Unpackable" })
          expect(String("why" in packed.failure && packed.failure.why).length).toBeLessThan(4000)
          expect(fs.readdirSync(paths.outbox)).toEqual([])
          return
        }
        const { bytes, content_sha256, sha256 } = packed.success
        const found = await outcome(Effect.provide(examine(paths.tarball(ID), ID, BOUNDS), WORLD))
        const commit = await outcome(Effect.provide(readCommit(episode), WORLD))
        expect(Result.getOrThrow(found)).toEqual({
          _tag: "Sound",
          bytes,
          sha256,
          contentSha256: content_sha256,
          commit: Result.getOrThrow(commit)
        })
        // Exactly what `sha256sum` prints, sorted by bytes.
        const lines = manifestOf(episode).split("\n").slice(0, -1)
        const whole = [...lines, `${sha256Of(fs.readFileSync(join(episode, "done.marker")))}  done.marker`]
        const byName = (line: string) => Buffer.from(line.replace(/^\\?[0-9a-f]{64} {2}/, "").replaceAll("\\\\", "\\"))
        const sorted = whole.toSorted((a, b) => Buffer.compare(byName(a), byName(b))).map((line) => `${line}\n`)
        expect(content_sha256).toBe(sha256Of(Buffer.from(sorted.join(""))))
        fs.rmSync(paths.tarball(ID))
      }
    ),
    // What stands before the first line of a marker is no part of it for one and was for the other.
    { ...part(0.1), examples: [[[], sound, [false, "\ufeff", 0, false]]] }
  ))
