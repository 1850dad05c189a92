/** Episodes to upload in pieces, and what comes with them. */
import { createHash } from "node:crypto"
import type { Target } from "./draftClient.ts"
import type { Answer, Fields } from "./draftWire.ts"
import { textOf } from "./draftWire.ts"
import { directory, file, META, tarOf, zstd } from "./tarball.ts"
import { reprDigestOf, sha256Of } from "./wire.ts"

/** So many bytes that do not compress, always the same for a name. */
const noise = (name: string, bytes: number): Uint8Array => {
  const blocks: Array<Buffer> = []
  for (let i = 0; i * 64 < bytes; i++) blocks.push(createHash("sha512").update(`${name} ${i}`).digest())
  return Buffer.concat(blocks).subarray(0, bytes)
}

export interface Shipment extends Target {
  readonly hostId: string
  readonly episodeId: string
  readonly tarball: Uint8Array
  readonly sha256: string
}

/** An episode whose tarball is a little longer than `bytes`. */
export const shipment = (hostId: string, episodeId: string, bytes = 64, commit?: string): Shipment => {
  const meta = commit === undefined ? META : JSON.stringify({ code_version: { commit } })
  const tarball = zstd(
    tarOf(
      directory(episodeId),
      file(`${episodeId}/done.marker`),
      file(`${episodeId}/meta.json`, meta),
      file(`${episodeId}/noise.bin`, noise(`${hostId} ${episodeId}`, bytes))
    )
  )
  const fields: Fields = [
    ["repr-digest", reprDigestOf(tarball)],
    ...(commit === undefined ? [] : [["x-cis490-code-commit", commit] as const])
  ]
  return { hostId, episodeId, tarball, sha256: sha256Of(tarball), path: `/v1/episodes/${hostId}/${episodeId}`, fields }
}

export const contentDigestOf = reprDigestOf

export const jsonOf = (answer: Answer): Record<string, unknown> => JSON.parse(textOf(answer))

/** What an answer is worth comparing. */
export const told = (answer: Answer) => ({ status: answer.status, body: textOf(answer) })
