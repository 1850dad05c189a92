import { createHash } from "node:crypto"
import * as zlib from "node:zlib"
import { header } from "../../src/domain/protocol.ts"
import { EPISODE, episode, file, META } from "./tarball.ts"
import { type Request, reprDigestOf, sha256Of } from "./wire.ts"

export { COMMIT, EPISODE } from "./tarball.ts"

const hex = (text: string): string => createHash("sha256").update(text).digest("hex")

/** A sound tarball of the episode, with these events in it. `level` changes the tarball, not the content. */
export const makeEpisode = (events = "one\n", level = 3) => {
  const params = { [zlib.constants.ZSTD_c_compressionLevel]: level, [zlib.constants.ZSTD_c_checksumFlag]: level % 2 }
  const tarball: Uint8Array = zlib.zstdCompressSync(episode(file(`${EPISODE}/events.jsonl`, events)), { params })
  const manifest = [
    ["done.marker", ""],
    ["events.jsonl", events],
    ["meta.json", META]
  ].map(([path = "", content = ""]) => `${hex(content)}  ${path}\n`)
  return { tarball, sha256: sha256Of(tarball), contentSha256: hex(manifest.join("")) }
}
export type Episode = ReturnType<typeof makeEpisode>

export const PATH = `/v1/episodes/lab-1/${EPISODE}`

export const putOf = (body: Uint8Array, headers: Record<string, string | undefined> = {}): Request => ({
  method: "PUT",
  path: PATH,
  body,
  headers: Object.fromEntries(
    Object.entries({
      "content-length": String(body.length),
      [header.reprDigest]: reprDigestOf(body),
      ...headers
    }).filter(([, value]) => value !== undefined)
  )
})
