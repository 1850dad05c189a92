/** A Forgejo that is slow, lies, breaks off or sends elsewhere: what the source makes of it. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/testing/TestClock"
import { layerHttpClient } from "../../layers/HttpClient.ts"
import * as Forgejo from "../../src/receiver/commitSource/forgejo.ts"
import { SourceFailed } from "../../src/services/CommitSource.ts"
import { asked } from "../support/commitSourceContract.ts"
import { type FakeForgejo, type Options, type Said, type Script, startFakeForgejo } from "../support/fakeForgejo.ts"
import { makeRepository } from "../support/gitRepository.ts"
import { scratchDirectory } from "../support/scratch.ts"
import { until } from "../support/wire.ts"

const TOKEN = "a-secret-token"

const server = Effect.fnUntraced(function* (options: Options = {}, commits = 120) {
  const repository = makeRepository(yield* scratchDirectory)
  if (commits > 0) repository.add(commits)
  const forgejo = yield* Effect.acquireRelease(
    Effect.promise(() => startFakeForgejo(repository.path, options)),
    (running) => Effect.promise(running.close)
  )
  return { repository, forgejo }
})

const ask = ({ name, owner, url }: FakeForgejo, over: Partial<Forgejo.Forgejo> = {}) =>
  asked(
    Forgejo.layer({
      url,
      owner,
      repository: name,
      branch: "main",
      window: 100,
      token: Effect.undefined,
      ...over
    }).pipe(Layer.provide(layerHttpClient({ verify_tls: true })))
  )

/** In what words it fails when the server plays this. */
const complaint = Effect.fnUntraced(function* (play: Script, over?: Partial<Forgejo.Forgejo>) {
  const { forgejo } = yield* server({ play: () => play }, 1)
  const { message, source } = yield* Effect.flip(ask(forgejo, over))
  expect(source).toBe("forgejo")
  expect(message).toContain(forgejo.url)
  return { message, asked: forgejo.asked.length }
})

describe("a window", () => {
  it.live("takes as many pages as the server's cap makes of it, and asks for nothing that is dear", () =>
    Effect.gen(function* () {
      const { forgejo, repository } = yield* server()
      const { commits } = yield* ask(forgejo)
      const all = repository.log()
      expect(commits).toEqual(all.slice(0, 100))
      expect(forgejo.asked.map(({ query }) => [query.get("sha"), query.get("page")])).toEqual([
        ["main", "1"],
        [all[0], "2"]
      ])
      for (const { path, query } of forgejo.asked) {
        expect(path).toBe("/api/v1/repos/lab/cis490/commits")
        expect(["stat", "verification", "files"].map((name) => query.get(name))).toEqual(["false", "false", "false"])
      }
    })
  )

  it.live("is of one moment, also when code lands between two pages", () =>
    Effect.gen(function* () {
      let land = () => {}
      const { forgejo, repository } = yield* server({
        play: (_, seen) => {
          if (seen === 2) land()
          return "good"
        }
      })
      land = () => repository.add(3, "main", "refs/heads/main^0")
      const before = repository.log()
      expect((yield* ask(forgejo)).commits).toEqual(before.slice(0, 100))
      expect(repository.log().length).toBe(123)
    })
  )

  const quieter: ReadonlyArray<[string, ReadonlyArray<string>]> = [
    ["X-Total-Count and Link", ["x-hasmore"]],
    ["Link", ["x-hasmore", "x-total-count"]],
    ["no word", ["x-hasmore", "x-total-count", "link"]]
  ]
  it.live.each(quieter)("is found by %s about what follows", ([, without]) =>
    Effect.gen(function* () {
      const { forgejo, repository } = yield* server({
        play: () => (response, good) => {
          const kept = Object.entries(good.headers ?? {}).filter(([name]) => !without.includes(name))
          response.writeHead(good.status, Object.fromEntries(kept)).end(good.body)
        }
      })
      expect((yield* ask(forgejo)).commits).toEqual(repository.log().slice(0, 100))
      expect((yield* ask(forgejo, { window: 500 })).commits).toEqual(repository.log())
    })
  )

  it.live("needs the token as it is now", () =>
    Effect.gen(function* () {
      const { forgejo } = yield* server({ token: TOKEN })
      let token = "an-old-token"
      const over = { token: Effect.sync(() => Redacted.make(token)) }
      const refused = yield* Effect.flip(ask(forgejo, over))
      expect(refused.message).toContain("version_gate.auth_token")
      expect(refused.message).not.toContain(token)
      token = TOKEN
      expect((yield* ask(forgejo, over)).commits.length).toBe(100)
      expect((yield* Effect.flip(ask(forgejo))).message).toContain("without a token")
      expect(forgejo.asked.every(({ query }) => !String(query).includes("token"))).toBe(true)
    })
  )

  it.live("fails when there is no token to be had", () =>
    Effect.gen(function* () {
      const { forgejo } = yield* server()
      const none = new SourceFailed({ source: "forgejo", message: "token file /etc/x is missing" })
      expect(yield* Effect.flip(ask(forgejo, { token: Effect.fail(none) }))).toEqual(none)
      expect(forgejo.asked).toEqual([])
    })
  )
})

describe("a server that does not give commits", () => {
  const answers: ReadonlyArray<[string, Said, string]> = [
    ["401", { status: 401, body: "{}" }, "it wants a token"],
    ["403", { status: 403, body: "{}" }, "it wants a token"],
    ["404", { status: 404, body: "{}" }, "no repository lab/cis490 with a branch main"],
    ["409", { status: 409, body: "{}" }, "is empty"],
    ["500", { status: 500, body: "oh" }, "HTTP status 500"],
    ["204", { status: 204 }, "HTTP status 204"],
    ["broken JSON", { status: 200, body: '[{"sha": "' }, "no list of commits"],
    ["a login page", { status: 200, body: "<html>", headers: { "content-type": "text/html" } }, "no list of commits"],
    ["another list", { status: 200, body: '[{"id": 1}]' }, "no list of commits"],
    ["no commit's name", { status: 200, body: '[{"sha": "HEAD"}]' }, "no list of commits"],
    ["an empty list", { status: 200, body: "[]" }, "no commits"],
    ["an empty list that goes on", { status: 200, body: "[]", headers: { "x-hasmore": "true" } }, "nothing new"]
  ]
  it.live.each(answers)("%s", ([, said, words]) =>
    Effect.gen(function* () {
      const { asked: count, message } = yield* complaint(said)
      expect(message).toContain(words)
      expect(count).toBe(1)
    })
  )

  it.live("a redirect is not followed, and no token goes with it", () =>
    Effect.gen(function* () {
      const other = yield* server()
      for (const status of [301, 302, 307, 308]) {
        const location = `${other.forgejo.url}/api/v1/repos/lab/cis490/commits`
        const { asked: count, message } = yield* complaint({ status, headers: { location } })
        expect(message).toContain("a redirect, which is not followed")
        expect(count).toBe(1)
      }
      expect(other.forgejo.asked).toEqual([])
    })
  )

  it.live("an answer that is cut off", () =>
    Effect.gen(function* () {
      const cut: Script = (response, good) => {
        const body = good.body ?? ""
        response.writeHead(200, { "content-length": body.length })
        response.write(body.slice(0, -1), () => response.destroy())
      }
      yield* complaint(cut)
      yield* complaint((response) => void response.destroy())
    })
  )

  it.live("a page without end", () =>
    Effect.gen(function* () {
      const spaces = Buffer.alloc(1024 * 1024, " ")
      let sent = 0
      const endless: Script = (response) => {
        response.writeHead(200)
        const more = (): void => {
          if (response.destroyed) return
          sent += spaces.length
          response.write(spaces, (error) => void (error ?? setImmediate(more)))
        }
        more()
      }
      expect((yield* complaint(endless)).message).toContain("bytes")
      expect(sent).toBeLessThan(64 * 1024 * 1024)
    })
  )

  it.live("the same page again and again", () =>
    Effect.gen(function* () {
      const same = { status: 200, body: JSON.stringify([{ sha: "a".repeat(40) }]), headers: { "x-hasmore": "true" } }
      const { asked: count, message } = yield* complaint(same)
      expect(message).toContain("nothing new")
      expect(count).toBe(2)
    })
  )

  it.live("nobody there", () =>
    Effect.gen(function* () {
      const { forgejo } = yield* server({}, 1)
      yield* Effect.promise(forgejo.close)
      expect((yield* Effect.flip(ask(forgejo))).message).toContain("ECONNREFUSED")
    })
  )

  const silent: ReadonlyArray<[string, Script]> = [
    ["no answer", "stall"],
    ["half an answer", (response) => void response.writeHead(200).write("[")]
  ]
  it.effect.each(silent)("%s in time", ([, play]) =>
    Effect.gen(function* () {
      const { forgejo } = yield* server({ play: () => play }, 1)
      const fiber = yield* Effect.forkChild(Effect.flip(ask(forgejo)))
      yield* Effect.promise(() => until(() => forgejo.asked.length > 0))
      yield* TestClock.adjust("10 seconds")
      expect((yield* Fiber.join(fiber)).message).toContain("no answer within 10 s")
    })
  )
})
