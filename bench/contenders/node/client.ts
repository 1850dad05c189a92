/**
 * The sending half of the framework-free pair: `node client.ts DATA_ROOT URL CONCURRENCY`. Every episode is packed to the outbox,
 * synced, sent from memory where it is small, and retired with a receipt: the durability of our shipper and none of its questions.
 */
import { createHash } from "node:crypto"
import { createReadStream, createWriteStream, mkdirSync, openSync, readFileSync, statSync } from "node:fs"
import { Agent, request as httpRequest } from "node:http"
import { join } from "node:path"
import { Readable, Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import { promisify } from "node:util"
import { constants, createZstdCompress, zstdCompress } from "node:zlib"
import { files, groupSync, writeNew } from "./files.ts"
import { END, header, padding } from "./ustar.ts"

const [dataRoot = ".", url = "", concurrency = "4"] = process.argv.slice(2)
const at = (...names: ReadonlyArray<string>): string => join(dataRoot, ...names)
for (const name of ["outbox", "shipped"]) mkdirSync(at(name), { recursive: true })
const sync = Object.fromEntries(
  ["episodes", "outbox", "shipped"].map((name) => [name, groupSync(openSync(at(name), "r"))])
) as Record<"episodes" | "outbox" | "shipped", () => Promise<void>>

const MIB = 1024 * 1024
/** Up to this an episode is packed in one piece. */
const AT_ONCE_BYTES = 16 * MIB
const LEVEL = { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 }
const compress = promisify(zstdCompress)
const agent = new Agent({ keepAlive: true, maxSockets: Number(concurrency) })

interface Entry {
  readonly path: string
  readonly size: number
  readonly mtime: number
}

const entriesOf = async (id: string): Promise<ReadonlyArray<Entry>> => {
  const found = await files.readdir(at("episodes", id), { recursive: true, withFileTypes: true })
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
    .map((path) => {
      const { mtimeMs, size } = statSync(path)
      return { path, size, mtime: Math.floor(mtimeMs / 1000) }
    })
}

const nameIn = (id: string, path: string): string => `${id}${path.slice(at("episodes", id).length)}`
const manifestLine = (sha256: string, id: string, path: string): string =>
  `${sha256}  ${nameIn(id, path).slice(id.length + 1)}\n`

interface Packed {
  readonly sha256: string
  readonly bytes: number
  /** Where it is small. */
  readonly body: Buffer | undefined
}

const packSmall = async (id: string, entries: ReadonlyArray<Entry>, partial: string): Promise<Packed> => {
  const manifest = createHash("sha256")
  const parts: Array<Uint8Array> = []
  for (const { mtime, path, size } of entries) {
    const content = readFileSync(path)
    manifest.update(manifestLine(createHash("sha256").update(content).digest("hex"), id, path))
    parts.push(header(nameIn(id, path), size, mtime), content, padding(size))
  }
  const body = await compress(Buffer.concat([...parts, END]), { params: LEVEL })
  await writeNew(partial, body)
  return { body, bytes: body.length, sha256: createHash("sha256").update(body).digest("hex") }
}

async function* tarOf(id: string, entries: ReadonlyArray<Entry>): AsyncGenerator<Uint8Array> {
  const manifest = createHash("sha256")
  for (const { mtime, path, size } of entries) {
    yield header(nameIn(id, path), size, mtime)
    const hash = createHash("sha256")
    for await (const chunk of createReadStream(path, { highWaterMark: MIB }) as AsyncIterable<Buffer>) {
      hash.update(chunk)
      yield chunk
    }
    manifest.update(manifestLine(hash.digest("hex"), id, path))
    yield padding(size)
  }
  yield END
}

const packLarge = async (id: string, entries: ReadonlyArray<Entry>, partial: string): Promise<Packed> => {
  const hash = createHash("sha256")
  let bytes = 0
  const tap = new Transform({
    writableHighWaterMark: MIB,
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk)
      bytes += chunk.length
      done(null, chunk)
    }
  })
  const zstd = createZstdCompress({ params: LEVEL, chunkSize: MIB })
  const tar = Readable.from(tarOf(id, entries), { objectMode: true, highWaterMark: 2 })
  await pipeline(tar, zstd, tap, createWriteStream(partial, { mode: 0o600, flush: true, highWaterMark: MIB }))
  return { body: undefined, bytes, sha256: hash.digest("hex") }
}

const send = (id: string, { body, bytes, sha256 }: Packed): Promise<string> =>
  new Promise((resolve, reject) => {
    const headers = { "content-length": bytes, "x-sha256": sha256 }
    const request = httpRequest(`${url}/lab-1/${id}`, { method: "PUT", agent, headers }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => {
        text += chunk
      })
      response.on("end", () => (response.statusCode === 201 ? resolve(text) : reject(new Error(text))))
    })
    request.on("error", reject)
    if (body !== undefined) request.end(body)
    else createReadStream(at("outbox", `${id}.tar.zst`), { highWaterMark: MIB }).pipe(request)
  })

const ship = async (id: string): Promise<void> => {
  const entries = await entriesOf(id)
  const tarball = at("outbox", `${id}.tar.zst`)
  const size = entries.reduce((total, entry) => total + entry.size, 0)
  const packed = await (size <= AT_ONCE_BYTES ? packSmall : packLarge)(id, entries, `${tarball}.partial`)
  await files.rename(`${tarball}.partial`, tarball)
  await sync.outbox()
  const receipt = await send(id, packed)
  const draft = at("outbox", `${id}.receipt`)
  await writeNew(draft, Buffer.from(receipt))
  await files.rename(draft, at("shipped", `${id}.receipt.json`))
  await sync.shipped()
  await files.rename(at("episodes", id), at("shipped", id))
  await Promise.all([sync.shipped(), sync.episodes()])
  await files.unlink(tarball)
}

const ids = (await files.readdir(at("episodes"))).toSorted()
const worker = async (): Promise<void> => {
  for (let id = ids.shift(); id !== undefined; id = ids.shift()) await ship(id)
}
await Promise.all(Array.from({ length: Number(concurrency) }, worker))
agent.destroy()
