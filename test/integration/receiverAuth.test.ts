import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Redacted from "effect/Redacted"
import { expect, test } from "vitest"
import { layerVolume } from "../../layers/Volume.ts"
import { followTokens } from "../../src/followTokens.ts"
import type { Tokens } from "../../src/receiver/auth.ts"
import { readToken } from "../../src/token.ts"
import { EPISODE, makeEpisode, PATH, putOf } from "../support/episode.ts"
import { startReceiver, TOKENS, temporaryDirectory, tokens } from "../support/receiver.ts"
import { type Answer, expectProblem, type Request, send } from "../support/wire.ts"

const small = makeEpisode()

const put = putOf(small.tarball)
const head: Request = { method: "HEAD", path: PATH }
const pingBody = JSON.stringify({ host_id: "lab-1" })
const ping: Request = {
  method: "POST",
  path: "/v1/ping",
  body: pingBody,
  headers: { "content-length": pingBody.length }
}
const everyRoute = [put, head, ping]

const as = (request: Request, authorization: string | undefined): Request => ({
  ...request,
  headers: { ...request.headers, ...(authorization === undefined ? {} : { authorization }) }
})

const expectRefusal = (answer: Answer, method: string, status: number, problem: string) => {
  expect(answer.status).toBe(status)
  expect(answer.headers["x-cis490-problem"]).toBe(problem)
  if (method !== "HEAD") expectProblem(answer, status, problem, { remediation: expect.any(String) })
}

test("without one of the receiver's tokens nobody gets in, on any route", async () => {
  await using receiver = await startReceiver({ tokens })
  const refused = [
    undefined,
    "",
    "Bearer",
    "Bearer ",
    "Bearer wrong",
    `Basic ${TOKENS.shared}`,
    TOKENS.shared,
    `Bearer ${TOKENS.shared}x`,
    `Bearer ${TOKENS.shared} ${TOKENS.shared}`,
    `Bearer ${TOKENS.admin}`
  ]
  for (const request of everyRoute) {
    for (const authorization of refused) {
      const answer = await send(receiver.port, as(request, authorization))
      expectRefusal(answer, request.method, 401, "unauthenticated")
      expect(answer.headers["www-authenticate"]).toMatch(/^Bearer/)
    }
  }
  const before = await send(receiver.port, { ...put, path: "/v1/episodes/../-" })
  expectRefusal(before, "PUT", 401, "unauthenticated")
})

test("the shared token writes as any host, a host's own as that host only", async () => {
  await using receiver = await startReceiver({ tokens })
  for (const request of everyRoute) {
    const foreign = await send(receiver.port, as(request, `Bearer ${TOKENS.otherHost}`))
    expectRefusal(foreign, request.method, 403, "wrong-host")
  }
  expect(receiver.dataset.arrivals).toEqual([])
  const statuses = async (authorization: string) => {
    const answers = []
    for (const request of everyRoute) answers.push((await send(receiver.port, as(request, authorization))).status)
    return answers
  }
  expect(await statuses(`Bearer ${TOKENS.host}`)).toEqual([201, 200, 200])
  expect(await statuses("bearer an-older-one")).toEqual([200, 200, 200])
  expect(await statuses(`Bearer ${TOKENS.shared}`)).toEqual([200, 200, 200])
})

test("health and the description need no token, and no token is ever logged", async () => {
  await using receiver = await startReceiver({ tokens })
  for (const path of ["/v1/health", "/v1/openapi.json"]) {
    for (const method of ["GET", "HEAD"]) {
      expect((await send(receiver.port, { method, path })).status).toBe(200)
    }
  }
  await send(receiver.port, as(put, `Bearer ${TOKENS.otherHost}`))
  await send(receiver.port, as(put, `Bearer ${TOKENS.host}`))
  expect(receiver.logs).toHaveLength(2)
  const logged = JSON.stringify(receiver.logs)
  for (const token of Object.values(TOKENS)) expect(logged).not.toContain(token)
})

test("HEAD gives the digests and the size of the stored copy, or says whose 404 it is", async () => {
  await using receiver = await startReceiver()
  const missing = await send(receiver.port, head)
  expect(missing).toMatchObject({ status: 404, text: "", headers: { "x-cis490-problem": "not-stored" } })
  expect(missing.headers["content-type"]).toBe("application/problem+json")
  expect((await send(receiver.port, put)).status).toBe(201)
  const found = await send(receiver.port, head)
  expect(found).toMatchObject({
    status: 200,
    text: "",
    headers: {
      "content-length": String(small.tarball.length),
      "repr-digest": put.headers?.["repr-digest"],
      "x-cis490-content-sha256": small.contentSha256
    }
  })
  receiver.dataset.lost.add(`lab-1/${EPISODE}`)
  expect(await send(receiver.port, head)).toMatchObject({ status: 404 })
  const bad = await send(receiver.port, { method: "HEAD", path: "/v1/episodes/lab-1/.." })
  expect(bad).toMatchObject({ status: 400, headers: { "x-cis490-problem": "bad-name" } })
})

test("a token file that is replaced counts at once, one that is gone changes nothing", async () => {
  const directory = temporaryDirectory()
  const file = join(directory, "token")
  writeFileSync(file, "the-first\n")
  const read = Effect.map(
    Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(file)),
    (text): Tokens => ({ shared: Redacted.make(text.trim()), hosts: {}, admin: undefined })
  )
  const following = followTokens([file], read).pipe(Effect.provide([NodeFileSystem.layer, layerVolume]))
  await using receiver = await startReceiver({ following: await Effect.runPromise(following) })
  const statuses = async () => {
    const answers = ["the-first", "the-second"].map((token) => send(receiver.port, as(ping, `Bearer ${token}`)))
    return (await Promise.all(answers)).map(({ status }) => status)
  }
  expect(await statuses()).toEqual([200, 401])
  writeFileSync(`${file}.new`, "the-second\n")
  renameSync(`${file}.new`, file)
  expect(await statuses()).toEqual([401, 200])
  rmSync(directory, { recursive: true })
  expect(await statuses()).toEqual([401, 200])
  const about = () => receiver.logs.filter(({ message }) => message.startsWith("tokens")).map(({ level }) => level)
  expect(about()).toEqual(["Warn"])
  mkdirSync(directory)
  writeFileSync(file, "the-first\n")
  expect(await statuses()).toEqual([200, 401])
  expect(about()).toEqual(["Warn", "Info"])
  rmSync(directory, { recursive: true })
})

test("a token file that is a link follows what it leads to", async () => {
  const directory = temporaryDirectory()
  const file = join(directory, "token")
  const lead = (to: string, token: string) => {
    mkdirSync(join(directory, to))
    writeFileSync(join(directory, to, "token"), token)
    rmSync(join(directory, "now"), { force: true })
    symlinkSync(to, join(directory, "now"))
  }
  lead("old", "the-first")
  symlinkSync("now/token", file)
  const tokenNow = Effect.map(readToken(file), (shared): Tokens => ({ shared, hosts: {}, admin: undefined }))
  const following = followTokens([file], tokenNow).pipe(Effect.provide([NodeFileSystem.layer, layerVolume]))
  await using receiver = await startReceiver({ following: await Effect.runPromise(following) })
  expect((await send(receiver.port, as(ping, "Bearer the-first"))).status).toBe(200)
  lead("new", "the-other")
  expect((await send(receiver.port, as(ping, "Bearer the-first"))).status).toBe(401)
  expect((await send(receiver.port, as(ping, "Bearer the-other"))).status).toBe(200)
  rmSync(directory, { recursive: true })
})
