/** Tarballs that others made, sent by curl: sound ones are taken in, hostile ones leave nothing behind. */
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { COMMIT, RECORDED } from "../support/shipperBox.ts"
import { needTools, printed } from "../support/tools.ts"

const MAX_EPISODE_BYTES = 32 * 1024 * 1024
const receiver = makeReceiverBox({ limits: { max_episode_bytes: MAX_EPISODE_BYTES } })
let running: Awaited<ReturnType<typeof receiver.start>>
beforeAll(async () => {
  needTools("zstd", "pzstd", "tar", "python3", "git", "curl", "find", "sha256sum", "base64", "mkfifo")
  running = await receiver.start()
  return async () => void (await running.stop("SIGTERM"))
})
afterAll(() => receiver[Symbol.dispose]())

/** Holds the episode `E`, to be packed. */
let work: string
beforeEach(() => {
  work = fs.mkdtempSync(join(tmpdir(), "cis490-foreign-"))
  fs.mkdirSync(join(work, "E/sub dir/hollow"), { recursive: true })
  for (const [name, content] of Object.entries(RECORDED)) fs.writeFileSync(join(work, "E", name), content)
  fs.writeFileSync(join(work, "E/done.marker"), "")
  fs.writeFileSync(join(work, "E/sub dir/Größe\\1"), "x".repeat(100_000))
  return () => fs.rmSync(work, { recursive: true, force: true })
})

/** The headers as someone with a shell makes them: `$1` is the file, `$2` the URL. Prints the status, then the body. */
const UPLOAD = `
sha256=$(sha256sum < "$1" | cut -c1-64)
digest=$(printf "$(sed 's/../\\\\x&/g' <<< "$sha256")" | base64 -w0)
curl -sS --max-time 120 -H 'Expect:' -H "Repr-Digest: sha-256=:$digest:" -H "X-Cis490-Code-Commit: ${COMMIT}" \\
  -T "$1" -o answer.json -w '%{http_code} %{content_type}' "$2"
`

const upload = async (file: string, id: string) => {
  const said = await printed(work, UPLOAD, file, `${running.url}/v1/episodes/lab-1/${id}`)
  const answer: Record<string, unknown> = JSON.parse(fs.readFileSync(join(work, "answer.json"), "utf8"))
  return { status: Number(said.split(" ")[0]), type: said.split(" ")[1], answer }
}

/** The script packs directory `$1` to its standard output. */
const pack = async (script: string, id: string): Promise<string> => {
  const file = join(work, "made")
  await printed(work, `{ ${script}\n} > made`, id)
  return file
}

const GNU = "tar --sort=name --numeric-owner --owner=0 --group=0"
const PAX = "--format=pax --pax-option=delete=atime,delete=ctime"
const LONG = `mkdir "$1/${"l".repeat(120)}" && echo x > "$1/${"l".repeat(120)}/${"m".repeat(150)}"`
const python = (format: string): string =>
  `python3 -c 'import sys, tarfile
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.${format}_FORMAT) as tar: tar.add(sys.argv[1])' "$1"`

const SOUND: Readonly<Record<string, string>> = {
  "GNU tar, ustar, zstd -1": `${GNU} --format=ustar -cf - "$1" | zstd -qc -1`,
  "GNU tar, ustar, zstd -3": `${GNU} --format=ustar -cf - "$1" | zstd -qc -3`,
  "GNU tar, ustar, zstd -19": `${GNU} --format=ustar -cf - "$1" | zstd -qc -19`,
  "GNU tar, ustar, with the names of its owners": 'tar --format=ustar -cf - "$1" | zstd -qc',
  "GNU tar, ustar, without a checksum": `${GNU} --format=ustar -cf - "$1" | zstd -qc --no-check`,
  "GNU tar, ustar, from a file, so that its size is said": `${GNU} --format=ustar -cf t "$1"; zstd -qc t`,
  "GNU tar, ustar, two frames": `${GNU} --format=ustar -cf t "$1"; head -c 5000 t | zstd -qc; tail -c +5001 t | zstd -qc`,
  "GNU tar, pax, zstd -1": `${LONG}; ${GNU} ${PAX} -cf - "$1" | zstd -qc -1`,
  "GNU tar, pax, zstd -19": `${LONG}; ${GNU} ${PAX} -cf - "$1" | zstd -qc -19`,
  "GNU tar calling zstd": `${GNU} ${PAX} --zstd -cf - "$1"`,
  "Python, ustar": `${python("USTAR")} | zstd -qc`,
  "Python, pax": `${LONG}; ${python("PAX")} | zstd -qc`
}

/** The command that the README gives. */
const README = fs.readFileSync(new URL("../../README.md", import.meta.url), "utf8")
const DIGEST_COMMAND = /^cd ID && (.+?) +# its content_sha256$/m.exec(README)?.[1]
const CONTENT_DIGEST = `cd "$1"; ${DIGEST_COMMAND} | cut -c1-64`

test.each(Object.entries(SOUND))("taken in: %s", async (name, script) => {
  const id = `S${Object.keys(SOUND).indexOf(name)}`
  fs.renameSync(join(work, "E"), join(work, id))
  const file = await pack(script, id)
  const { answer, status } = await upload(file, id)
  expect({ status, answer }).toMatchObject({ status: 201, answer: { status: "stored", episode_id: id } })
  expect(answer["content_sha256"]).toBe((await printed(work, CONTENT_DIGEST, id)).trim())
  await printed(work, 'cmp "$1" "$2"', file, receiver.stored("lab-1", id))
})

const TAR = `${GNU} --format=ustar -cf - "$1"`
const ZSTD = "zstd -qc"

/** What the answer says is wrong, and how it is made. */
const HOSTILE: Readonly<Record<string, readonly [string, string]>> = {
  "a symbolic link": ["a symbolic link:", `ln -s meta.json "$1/link"; ${TAR} | ${ZSTD}`],
  "a symbolic link in place of the episode": ["a symbolic link:", `mv "$1" real; ln -s real "$1"; ${TAR} | ${ZSTD}`],
  "a hard link": ["a hard link:", `ln "$1/meta.json" "$1/hard"; ${TAR} | ${ZSTD}`],
  "a FIFO": ["a FIFO:", `mkfifo "$1/fifo"; ${TAR} | ${ZSTD}`],
  "a device": [
    "a character device:",
    `${GNU} --format=ustar -P --transform="s|^/dev/null|$1/null|" -cf - "$1" /dev/null | ${ZSTD}`
  ],
  "an absolute name": ["is absolute", `${GNU} --format=ustar -P -cf - "$1" "$PWD/$1/sub dir" | ${ZSTD}`],
  "a name with ..": [`a ".." component`, `${GNU} --format=ustar -P -cf - "$1" "$1/../$1/sub dir" | ${ZSTD}`],
  "a name with .": [`a "." component`, `${GNU} --format=ustar -cf - "./$1" | ${ZSTD}`],
  "a GNU sparse file": ["not ustar", `truncate -s 10M "$1/sparse"; ${GNU} --format=gnu -S -cf - "$1" | ${ZSTD}`],
  "a pax sparse file": ["GNU.sparse", `truncate -s 10M "$1/sparse"; ${GNU} ${PAX} -S -cf - "$1" | ${ZSTD}`],
  "GNU long names": ["not ustar", `${LONG}; ${GNU} --format=gnu -cf - "$1" | ${ZSTD}`],
  "pax with access times": ["atime", `${GNU} --format=pax -cf - "$1" | ${ZSTD}`],
  "the tar of V7": ["not ustar", `${GNU} --format=v7 -cf - "$1" | ${ZSTD}`],
  "a global pax header": [
    "a global pax header:",
    `cd "$1"; git init -q; git add .; git -c user.name=x -c user.email=x@x commit -qm x; git archive --prefix="$1/" HEAD | ${ZSTD}`
  ],
  "two top directories": [
    "is not below the top directory",
    `cp -r "$1" F; ${GNU} --format=ustar -cf - "$1" F | ${ZSTD}`
  ],
  "another top directory": ["is not below the top directory", `mv "$1" F; ${GNU} --format=ustar -cf - F | ${ZSTD}`],
  "no top directory": ["is not below the top directory", `cd "$1"; ${GNU} --format=ustar -cf - * | ${ZSTD}`],
  "a member twice": ["twice", `${GNU} --format=ustar --hard-dereference -cf - "$1" "$1/meta.json" | ${ZSTD}`],
  "two tars, one behind the other": [`behind the tar's end marker`, `{ ${TAR}; ${TAR}; } | ${ZSTD}`],
  "a tar without its end": ["no end marker", `${TAR} -b 1 | head -c -1024 | ${ZSTD}`],
  "a skippable frame": [
    "a skippable zstd frame",
    `printf '\\x50\\x2a\\x4d\\x18\\x04\\x00\\x00\\x00abcd'; ${TAR} | ${ZSTD}`
  ],
  "the skippable frames of pzstd": ["a skippable zstd frame", `${TAR} > t; pzstd -qc -p 2 t`],
  "a window of 128 MiB": ["a window of more than", `${TAR} | ${ZSTD} --long=27`],
  "a dictionary": ["zstd", `${TAR} | ${ZSTD} -D "$1/sub dir"/Gr*`],
  "a frame cut short": ["cut short", `${TAR} | ${ZSTD} | head -c -10`],
  "bytes behind the last frame": ["behind the last zstd frame", `${TAR} | ${ZSTD}; printf x`],
  "a flipped bit": [
    "checksum",
    `${TAR} | ${ZSTD} > z; printf '\\xff' | dd of=z bs=1 seek=200 conv=notrunc status=none; cat z`
  ],
  "a zip under another name": ["not zstd", `python3 -m zipfile -c z "$1"; cat z`],
  "a gzip under another name": ["not zstd", `${TAR} | gzip`],
  "a tar that is not compressed": ["not zstd", TAR],
  "no done.marker": ["done.marker is missing", `rm "$1/done.marker"; ${TAR} | ${ZSTD}`],
  "no meta.json": ["meta.json is missing", `rm "$1/meta.json"; ${TAR} | ${ZSTD}`],
  "a done.marker that is wrong": [
    "events.jsonl is not what done.marker says",
    `(cd "$1"; sha256sum * > ../sums 2> ../dirs) || true; grep -v done.marker sums > "$1/done.marker"; echo >> "$1/events.jsonl"; ${TAR} | ${ZSTD}`
  ],
  "a line feed in a name": ["control character", `touch "$1/a"$'\\n'b; ${TAR} | ${ZSTD}`],
  "a name that is not UTF-8": ["not UTF-8", `touch "$1/a"$'\\xff'b; ${TAR} | ${ZSTD}`]
}

test.each(Object.entries(HOSTILE))("refused: %s", async (name, [reason, script]) => {
  const id = `H${Object.keys(HOSTILE).indexOf(name)}`
  fs.renameSync(join(work, "E"), join(work, id))
  const { answer, status, type } = await upload(await pack(script, id), id)
  expect({ status, type, answer }).toMatchObject({
    status: 422,
    type: "application/problem+json",
    answer: { type: "urn:cis490:problem:invalid-archive", error: expect.stringMatching(/^invalid archive: ./) }
  })
  expect(answer["error"]).toContain(reason)
  expect(receiver.incoming()).toEqual([])
  expect(receiver.store().filter((path) => path.includes(id))).toEqual([])
  expect(receiver.rows().filter((row) => row["episode_id"] === id)).toEqual([])
})

test("what is too large gets its answer while the body still comes", async () => {
  const file = join(work, "large")
  await printed(work, "truncate -s 64M large")
  const { answer, status } = await upload(file, "LARGE")
  expect({ status, answer }).toMatchObject({ status: 413, answer: { limit_bytes: MAX_EPISODE_BYTES } })
  expect(receiver.incoming()).toEqual([])
})

test("what unpacks to a bomb costs the disk nothing", async () => {
  using small = makeReceiverBox({ limits: { max_unpacked_bytes: 1024 * 1024 } })
  await using bombed = await small.start()
  const file = await pack(`truncate -s 256M "$1/zeros"; ${TAR} | ${ZSTD}`, "E")
  const said = await printed(work, UPLOAD, file, `${bombed.url}/v1/episodes/lab-1/E`)
  expect(said).toMatch(/^413 /)
  expect([...small.incoming(), ...small.store(), ...small.rows()]).toEqual([])
})
