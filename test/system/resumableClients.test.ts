/** Other people's clients of resumable uploads: curl by hand, and tus-js-client in its mode for the draft. */
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as tus from "tus-js-client"
import { afterAll, beforeAll, expect, test } from "vitest"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { bash, needTools } from "../support/tools.ts"
import { type Shipment, shipment } from "../support/upload.ts"

const box = makeReceiverBox()
let receiver: Awaited<ReturnType<typeof box.start>>
beforeAll(async () => {
  needTools("curl", "awk")
  receiver = await box.start()
})
afterAll(async () => {
  await receiver.stop("SIGKILL")
  box[Symbol.dispose]()
})

test("curl, by hand: create, look, append, complete, cancel", async () => {
  const wanted = shipment("lab-1", "E1", 100_000)
  const directory = fs.mkdtempSync(join(tmpdir(), "cis490-curl-"))
  fs.writeFileSync(`${directory}/one`, wanted.tarball.subarray(0, 60_000))
  fs.writeFileSync(`${directory}/two`, wanted.tarball.subarray(60_000))
  const digest = wanted.fields[0]?.[1] ?? ""
  const script = `
    create() {
      curl -sS -D - -o /dev/null -X POST "$1$2" -H "Repr-Digest: $3" -H 'Upload-Complete: ?0' -H "Upload-Length: $4" -H 'Content-Length: 0' \\
        | tr -d '\\r' | awk 'tolower($1) == "location:" { print $2 }'
    }
    at=$(create "$@")
    case $at in http*) ;; *) at=$1$at ;; esac
    curl -sS -I "$at" | tr -d '\\r' | grep -i '^upload-offset: 0$'
    patch() {
      curl -sS -o /dev/null -w '%{http_code}\\n' -X PATCH "$at" -H "Upload-Offset: $1" -H "Upload-Complete: $2" \\
        -H 'Content-Type: application/partial-upload' --data-binary "@$3"
    }
    patch 0 '?0' one
    patch 0 '?0' one
    curl -sS -I "$at" | tr -d '\\r' | grep -i '^upload-offset: 60000$'
    patch 60000 '?1' two
    other=$(create "$1" "\${2}x" "$3" "$4")
    case $other in http*) ;; *) other=$1$other ;; esac
    curl -sS -o /dev/null -w '%{http_code}\\n' -X DELETE "$other"
    curl -sS -I -o /dev/null -w '%{http_code}\\n' "$other"
  `
  const said = await bash(directory, script, receiver.url, wanted.path, digest, String(wanted.tarball.length))
  expect(said.stdout.toLowerCase().split("\n"), said.stderr).toEqual([
    "upload-offset: 0",
    "204",
    "409",
    "upload-offset: 60000",
    "201",
    "204",
    "404",
    ""
  ])
  expect(Buffer.compare(fs.readFileSync(box.stored("lab-1", "E1")), wanted.tarball)).toBe(0)
  fs.rmSync(directory, { recursive: true })
})

interface Run {
  readonly uploadUrl?: string
  /** Gives up after so many pieces. */
  readonly pieces?: number
}

/** Uploads in pieces of 40 kB as the library does it by itself; the upload's URL. `protocol` is in the library, not in its types. */
const tusUpload = (wanted: Shipment, protocol: string, { pieces, uploadUrl }: Run = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    let sent = 0
    const options = {
      protocol,
      endpoint: `${receiver.url}${wanted.path}`,
      ...(uploadUrl === undefined ? {} : { uploadUrl }),
      headers: Object.fromEntries(wanted.fields),
      chunkSize: 40_000,
      retryDelays: null,
      onError: reject,
      onSuccess: () => resolve(upload.url ?? ""),
      onChunkComplete: () => {
        sent++
        if (sent === pieces) upload.abort().then(() => resolve(upload.url ?? ""), reject)
      }
    }
    const upload = new tus.Upload(Buffer.from(wanted.tarball), options)
    upload.start()
  })

/**
 * Interop versions 5 and 6: what they send and need is the same in version 8, but that they want Upload-Offset in every answer to an
 * append, and that 5 knew no media type for one.
 */
test.each([
  "ietf-draft-03",
  "ietf-draft-05"
])("tus-js-client, %s: in pieces, given up, and taken up from its URL", async (protocol) => {
  const wanted = shipment("lab-1", protocol, 250_000)
  const uploadUrl = await tusUpload(wanted, protocol, { pieces: 3 })
  expect(box.store()).not.toContain(`lab-1/${protocol}.tar.zst`)
  await tusUpload(wanted, protocol, { uploadUrl })
  expect(Buffer.compare(fs.readFileSync(box.stored("lab-1", protocol)), wanted.tarball)).toBe(0)
})

test("tus-js-client as of draft 05: cancels what it has begun", async () => {
  const wanted = shipment("lab-1", "E3", 250_000)
  const uploadUrl = await tusUpload(wanted, "ietf-draft-05", { pieces: 2 })
  const options = { protocol: "ietf-draft-05", retryDelays: null }
  await tus.Upload.terminate(uploadUrl, options)
  await expect(tus.Upload.terminate(uploadUrl, options)).rejects.toThrow("404")
})
