import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { startFakeReceiver } from "../support/fakeReceiver.ts"
import { COMMIT, counts, makeBox, RECORDED } from "../support/shipperBox.ts"
import { manifestDigest } from "../support/unpack.ts"
import { reprDigestOf } from "../support/wire.ts"

test("PUT with Content-Length, Repr-Digest, the episode's commit and the digest that sha256sum gives", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(`${receiver.url}/`)
  box.episode("E1", { "sub/a.bin": "a", "sub.txt": "b", "back\\slash": "c", "größe/é": "d" })
  const byTool = execFileSync(
    "/bin/sh",
    ["-c", "find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum -- | sha256sum"],
    { cwd: box.path("episodes/E1"), encoding: "utf8" }
  ).slice(0, 64)
  expect((await box.once()).counts).toEqual(counts({ scanned: 1, shipped: 1 }))
  const { body, headers, method, path } = receiver.last("PUT")
  expect([method, path]).toEqual(["PUT", "/v1/episodes/lab-1/E1"])
  expect(headers["content-length"]).toBe(String(body.length))
  expect(headers["transfer-encoding"]).toBeUndefined()
  expect(headers["repr-digest"]).toBe(reprDigestOf(body))
  expect(headers["x-cis490-code-commit"]).toBe(COMMIT)
  expect(headers.authorization).toBeUndefined()
  const inTest = {
    ...RECORDED,
    "done.marker": "",
    "sub/a.bin": "a",
    "sub.txt": "b",
    "back\\slash": "c",
    "größe/é": "d"
  }
  expect(headers["x-cis490-content-sha256"]).toBe(manifestDigest(inTest))
  expect(headers["x-cis490-content-sha256"]).toBe(byTool)
})

test("X-Cis490-Code-Commit only when meta.json names 40 lower-case hexadecimal digits", async () => {
  const metas: Record<string, string> = {
    good: JSON.stringify({ code_version: { commit: COMMIT } }),
    upper: JSON.stringify({ code_version: { commit: COMMIT.toUpperCase() } }),
    short: JSON.stringify({ code_version: { commit: COMMIT.slice(1) } }),
    long: JSON.stringify({ code_version: { commit: `${COMMIT}0` } }),
    newline: JSON.stringify({ code_version: { commit: `${COMMIT}\n` } }),
    number: '{"code_version":{"commit":1}}',
    absent: "{}",
    array: "[]",
    string: '{"code_version":"x"}',
    nothing: "null",
    torn: '{"code_version',
    empty: ""
  }
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  for (const [id, meta] of Object.entries(metas)) box.episode(id, { "meta.json": meta })
  await box.once()
  const commits = Object.fromEntries(receiver.heard.map(({ headers, id }) => [id, headers["x-cis490-code-commit"]]))
  expect(commits).toEqual({ ...Object.fromEntries(Object.keys(metas).map((id) => [id, undefined])), good: COMMIT })
})

test("the bearer token is sent, and the file wins; no secret is said", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url, { receiver: { bearer_token: "first-secret" } })
  box.episode("E1")
  const first = await box.once({ env: { CIS490_LOG_LEVEL: "trace" } })
  expect(receiver.last("PUT").headers.authorization).toBe("Bearer first-secret")
  const file = join(box.home, "token")
  writeFileSync(file, "second-secret\n")
  box.configure({ receiver: { bearer_token: "first-secret", bearer_token_file: file } })
  box.episode("E2")
  const second = await box.run(["once", "--log-level", "trace"])
  expect(receiver.last("PUT").headers.authorization).toBe("Bearer second-secret")
  const status = await box.run(["status", "--json"])
  for (const { stderr, stdout } of [first, second, status])
    expect(stdout + stderr).not.toMatch(/first-secret|second-secret/)
})

test("a token file that is missing is the host's trouble: transient or a word about the file, nothing is sent", async () => {
  await using receiver = await startFakeReceiver()
  using box = makeBox(receiver.url)
  box.configure({ receiver: { bearer_token: "first-secret", bearer_token_file: join(box.home, "absent-token") } })
  box.episode("E1")
  const ran = await box.run(["once", "--json"])
  expect(ran.code).toBeGreaterThanOrEqual(1)
  expect(ran.stderr).toContain("absent-token")
  expect(receiver.heard).toEqual([])
  expect(box.names("episodes")).toEqual(["E1"])
})
