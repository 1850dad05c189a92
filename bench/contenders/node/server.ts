/**
 * The receiving half of the framework-free pair: `node server.ts DIRECTORY`. Prints its port. PUT /HOST/EPISODE is streamed to a
 * file, hashed, synced, linked into the store and indexed before it is answered, like our receiver; nothing is checked but the digest.
 */
import { createHash } from "node:crypto"
import { mkdirSync, openSync } from "node:fs"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { files, groupSync } from "./files.ts"

const root = process.argv[2] ?? "."
const [incoming, store] = [join(root, "incoming"), join(root, "store")]
for (const path of [incoming, join(store, "lab-1")]) mkdirSync(path, { recursive: true })

const storeSync = groupSync(openSync(join(store, "lab-1"), "r"))
const index = openSync(join(root, "index.jsonl"), "a")
const indexSync = groupSync(index)

const SHARE = 1024 * 1024

/** Bytes of a request on their way to a file, written a MiB at a time, hashed as they come. */
const intake = async (request: IncomingMessage, path: string): Promise<{ sha256: string; bytes: number }> => {
  const hash = createHash("sha256")
  const file = await files.open(path, "wx", 0o600)
  let waiting: Array<Buffer> = []
  let held = 0
  let bytes = 0
  const flush = async (): Promise<void> => {
    const share = waiting
    waiting = []
    held = 0
    await files.writev(file, share)
  }
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk)
    waiting.push(chunk)
    held += chunk.length
    bytes += chunk.length
    if (held >= SHARE) await flush()
  }
  if (held > 0) await flush()
  await files.fdatasync(file)
  await files.close(file)
  return { sha256: hash.digest("hex"), bytes }
}

let count = 0
const take = async (request: IncomingMessage): Promise<{ status: number; body: object }> => {
  const [, hostId = "", episodeId = ""] = (request.url ?? "").split("/")
  const part = join(incoming, `${count++}`)
  const { bytes, sha256 } = await intake(request, part)
  if (request.headers["x-sha256"] !== sha256) return { status: 422, body: { error: "digest mismatch" } }
  await files.link(part, join(store, hostId, `${episodeId}.tar.zst`))
  await storeSync()
  const row = { host_id: hostId, episode_id: episodeId, sha256, bytes, received_at: new Date().toISOString() }
  await files.write(index, `${JSON.stringify(row)}\n`)
  await indexSync()
  await files.unlink(part)
  return { status: 201, body: row }
}

const server = createServer((request, response) => {
  take(request).then(
    ({ body, status }) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body)),
    (error: unknown) => response.writeHead(500).end(String(error))
  )
})
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
