/** Episodes of SMALL as tarballs, without end. */
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { zstdCompressSync } from "node:zlib"
import { END, header, padding } from "../contenders/node/ustar.ts"
import { episodeId, record, workloads } from "../workload.ts"

/** Episodes that are recorded; more tarballs have the same files under other names. */
const RECORDED = 64

export interface Tarball {
  readonly id: string
  readonly body: Buffer
  readonly digest: string
}

const pack = (id: string, directory: string): Tarball => {
  const parts = readdirSync(directory)
    .toSorted()
    .flatMap((name) => {
      const content = readFileSync(join(directory, name))
      return [header(`${id}/${name}`, content.length, 1_767_225_600), content, padding(content.length)]
    })
  const body = zstdCompressSync(Buffer.concat([...parts, END]))
  return { id, body, digest: createHash("sha256").update(body).digest("base64") }
}

/** Each of another name; `place`: where the episodes are recorded. */
export function* tarballs(place: string): Generator<Tarball, never> {
  record(place, { ...workloads.SMALL, episodes: RECORDED })
  for (let i = 0; ; i++) yield pack(episodeId(i), join(place, "episodes", episodeId(i % RECORDED)))
}
