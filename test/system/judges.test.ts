/** What we pack and store, judged by GNU tar, zstd, coreutils and Python. */
import { createHash, randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { makeReceiverBox } from "../support/receiverBox.ts"
import { counts, makeBox, RECORDED } from "../support/shipperBox.ts"
import { needTools, printed } from "../support/tools.ts"

const ID = "01JC0JUDGED"
const MIB = 1024 * 1024

const deep = `${"d".repeat(120)}/${"e".repeat(120)}`
const jsonl = (bytes: number): string => {
  const lines: Array<string> = []
  for (let i = 0, size = 0; size < bytes; i++) {
    const line = `{"t":${i * 37},"pid":${i % 4096},"cpu":0.${(i * 7919) % 1000},"comm":"worker-${i % 17}"}\n`
    size += line.length
    lines.push(line)
  }
  return lines.join("")
}

const FILES = {
  [`${deep}/${"f".repeat(150)}`]: "a path that ustar cannot say",
  [`${"n".repeat(99)}`]: "99",
  [`${"n".repeat(180)}`]: "a name that ustar cannot say",
  [`${"p".repeat(140)}/${"q".repeat(90)}`]: "a path that ustar splits",
  "über/Größe-日本.json": "unicode",
  𝒳: "astral",
  "\ue000": "private use",
  "e\u0301": "combining",
  "with space/and two  spaces ": "spaces",
  "back\\slash/n\\n\\\\": "backslashes",
  "quotes'\"`$(x)*?": "shell",
  "-rf": "an option",
  "empty.log": "",
  "a.b/x": "1",
  "a/x": "2",
  "a-b/x": "3",
  "sub/quarantine_reason.json": "packed",
  "sub/done.marker": "packed",
  "random.bin": randomBytes(5 * MIB),
  "telemetry-big.jsonl": jsonl(20 * MIB)
}

const box = makeBox("http://127.0.0.1:9")
const receiver = makeReceiverBox()
const source = box.path("episodes", ID)
const work = join(box.home, "work")
const sent = join(work, "sent.tar.zst")
const retired = box.path("shipped", ID)
afterAll(() => {
  box[Symbol.dispose]()
  receiver[Symbol.dispose]()
})

/** `sha256sum` of every file below, sorted by bytes of the name. */
const SUMS = `find . -type f ! -path ./"\${1:-}" -printf '%P\\0' | sort -z | xargs -0 sha256sum --`

const record = async (): Promise<void> => {
  box.put(`episodes/${ID}`, { ...RECORDED, ...FILES })
  fs.mkdirSync(join(source, "hollow/inner"), { recursive: true })
  fs.writeFileSync(join(source, "tool.sh"), "#!/bin/sh\n")
  fs.chmodSync(join(source, "tool.sh"), 0o4711)
  fs.chmodSync(join(source, "events.jsonl"), 0o600)
  fs.chmodSync(join(source, "sub"), 0o700)
  fs.writeFileSync(join(source, "done.marker"), await printed(source, SUMS, "done.marker"))
  box.stamp(`episodes/${ID}`)
  for (const [name, seconds] of [
    ["empty.log", -1.5],
    ["-rf", 2 ** 33 + 0.5],
    ["a/x", 0.9]
  ] as const) {
    fs.utimesSync(join(source, name), new Date(seconds * 1000), new Date(seconds * 1000))
  }
}

beforeAll(async () => {
  needTools("zstd", "tar", "python3", "find", "diff", "sha256sum")
  fs.mkdirSync(work)
  await record()
  // Nobody listens: what was packed waits, so that it can be held against what is stored later.
  await box.once()
  fs.copyFileSync(box.path("outbox", `${ID}.tar.zst`), sent)
  await using running = await receiver.start()
  box.configure({ receiver: { url: running.url } })
  const ran = await box.once()
  expect(ran.counts, ran.stderr).toEqual(counts({ scanned: 1, shipped: 1 }))
})

const only = <A>(items: ReadonlyArray<A>): A => {
  const [item, ...more] = items
  if (item === undefined || more.length > 0) throw new Error(`${items.length} instead of one`)
  return item
}

test("the stored file is the one that was packed, and the index says its size and digest", async () => {
  const stored = receiver.stored("lab-1", ID)
  await printed(work, 'cmp "$1" "$2"', sent, stored)
  expect(receiver.store()).toEqual([`lab-1/${ID}.tar.zst`])
  expect(receiver.incoming()).toEqual(["uploads"])
  const [sha256] = (await printed(work, 'sha256sum < "$1"', stored)).split(" ")
  expect(only(receiver.rows())).toMatchObject({ sha256, bytes: fs.statSync(stored).size, episode_id: ID })
})

test("zstd finds it sound, checksummed, and told how long its content is", async () => {
  await printed(work, 'zstd -tq "$1"', sent)
  const listing = await printed(work, 'zstd -lv "$1"', sent)
  const bytes = Number(await printed(work, 'zstd -dcq "$1" | wc -c', sent))
  expect(listing).toMatch(/Check: XXH64/)
  expect(Number(/# Zstandard Frames: (\d+)\n/.exec(listing)?.[1])).toBe(Math.ceil(bytes / MIB))
  expect(Number(/Decompressed Size: .*\((\d+) B\)/.exec(listing)?.[1])).toBe(bytes)
  expect(Number(/Window Size: .*\((\d+) B\)/.exec(listing)?.[1])).toBeLessThanOrEqual(8 * MIB)
})

interface Listed {
  readonly mode: string
  readonly size: number
  readonly mtime: number
}

const permissions = (type: string, mode: string): string =>
  type === "d" ? "drwxr-xr-x" : (Number.parseInt(mode, 8) & 0o111) === 0 ? "-rw-r--r--" : "-rwxr-xr-x"

/** What lies in the retired directory, as the tarball should say it. */
const expected = async (): Promise<ReadonlyMap<string, Listed>> => {
  const lines = await printed(retired, `find . -printf '%y %m %s %Ts %P\\n'`)
  return new Map(
    lines
      .trimEnd()
      .split("\n")
      .map((line): [string, Listed] => {
        const [, type = "", mode = "", size = "", mtime = "", path = ""] =
          /^(.) (\S+) (\S+) (\S+) (.*)$/.exec(line) ?? []
        const name = type === "d" ? `${ID}/${path}${path === "" ? "" : "/"}` : `${ID}/${path}`
        return [name, { mode: permissions(type, mode), size: type === "d" ? 0 : Number(size), mtime: Number(mtime) }]
      })
  )
}

test("GNU tar lists every entry once, sorted, of owner 0, with normalised modes and whole seconds", async () => {
  const listing = await printed(
    work,
    'zstd -dcq "$1" | tar --numeric-owner --full-time --quoting-style=literal --no-same-owner -tvf -',
    sent
  )
  const listed = listing
    .trimEnd()
    .split("\n")
    .map((line): [string, Listed] => {
      const [, mode = "", size = "", date = "", time = "", name = ""] =
        /^(\S{10}) 0\/0 +(\d+) (\S+) (\S+) (.*)$/.exec(line) ?? []
      return [name, { mode, size: Number(size), mtime: Date.parse(`${date}T${time}Z`) / 1000 }]
    })
  const wanted = await expected()
  expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(wanted))
  expect(listed).toHaveLength(wanted.size)
  const names = listed.map(([name]) => name.replace(/\/$/, ""))
  expect(names).toEqual(names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
})

test("unpacked by GNU tar it is the episode, and fits the manifest it was finished with", async () => {
  await printed(work, 'mkdir out && zstd -dcq "$1" | tar -C out -xf -', sent)
  expect(await printed(work, `diff -r --no-dereference "$1" out/${ID}`, retired)).toBe("")
  await printed(join(work, "out", ID), "sha256sum --quiet --strict -c done.marker")
})

test("the content's digest is that of what sha256sum prints", async () => {
  const manifest = await printed(retired, SUMS)
  expect(manifest).toContain("\n\\")
  expect(only(receiver.rows())["content_sha256"]).toBe(createHash("sha256").update(manifest).digest("hex"))
  fs.writeFileSync(join(work, "manifest"), manifest)
  await printed(retired, 'sha256sum --quiet --strict -c "$1"', join(work, "manifest"))
})

const PYTHON = `
import hashlib, json, sys, tarfile
with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as tar:
    for m in tar:
        assert m.isreg() or m.isdir(), m.name
        content = hashlib.sha256(tar.extractfile(m).read()).hexdigest() if m.isreg() else None
        print(json.dumps([m.name + ("/" if m.isdir() else ""), m.mode, m.size, m.mtime, m.uid, m.gid, m.uname, m.gname, content]))
`

test("Python's tarfile reads the same", async () => {
  const lines = await printed(work, 'zstd -dcq "$1" | PYTHONUTF8=1 python3 -c "$2"', sent, PYTHON)
  const read: ReadonlyArray<ReadonlyArray<unknown>> = lines
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
  const wanted = [...(await expected())].map(([name, { mode, mtime, size }]) => {
    const path = join(retired, name.slice(ID.length + 1))
    const content = name.endsWith("/") ? null : createHash("sha256").update(fs.readFileSync(path)).digest("hex")
    return [name, mode.includes("x") ? 0o755 : 0o644, size, mtime, 0, 0, "", "", content]
  })
  const byName = (a: ReadonlyArray<unknown>, b: ReadonlyArray<unknown>) => (String(a[0]) < String(b[0]) ? -1 : 1)
  expect(read.toSorted(byName)).toEqual(wanted.toSorted(byName))
})
