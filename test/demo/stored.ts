import { join } from "node:path"
import type { Lab } from "./lab.ts"
import { contentDigest, openTarball, readIndex, readJson, sha256Of } from "./look.ts"

export const tarball = ({ central }: Lab, id: string) => join(central.store, `${id}.tar.zst`)
export const receiptOf = ({ host }: Lab, id: string) => readJson(join(host.shipped, `${id}.receipt.json`))

/** Stored once, durable on both sides, and the same there as here. */
export const checkStored = async (lab: Lab, id: string) => {
  const { central, host, show } = lab
  const rows = readIndex(central.index).filter(({ episode_id }) => episode_id === id)
  const [row] = rows
  const receipt = receiptOf(lab, id)
  const opened = await openTarball(tarball(lab, id))
  const content = contentDigest(join(host.shipped, id))
  show.check(
    `${id}: stored once, all digests hold`,
    {
      rows: rows.length,
      tarball: [row?.sha256, receipt.sha256],
      content: [row?.content_sha256, receipt.content_sha256, opened.contentSha256]
    },
    {
      rows: 1,
      tarball: [sha256Of(tarball(lab, id)), sha256Of(tarball(lab, id))],
      content: [content, content, content]
    }
  )
}
