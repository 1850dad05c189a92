/** What comes back over the network: from the receiver, from whatever stands before it, from a Forgejo, from git. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  ChildProcessSpawner,
  ExitCode,
  makeHandle,
  make as makeSpawner,
  ProcessId
} from "effect/process/ChildProcessSpawner"
import * as Result from "effect/Result"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { expect } from "vitest"
import { EpisodeId, HostId, isCommit, Sha256 } from "../../../src/domain/names.ts"
import { header, problems } from "../../../src/domain/protocol.ts"
import { MAX_RETRY_AFTER_S, type Verdict } from "../../../src/domain/verdict.ts"
import * as Forgejo from "../../../src/receiver/commitSource/forgejo.ts"
import * as Git from "../../../src/receiver/commitSource/git.ts"
import { CommitSource, type CommitWindow, type SourceFailed } from "../../../src/services/CommitSource.ts"
import { checkIn, Installation } from "../../../src/shipper/checkin.ts"
import { Destination } from "../../../src/shipper/Destination.ts"
import { Effort } from "../../../src/shipper/Effort.ts"
import { Link } from "../../../src/shipper/Link.ts"
import { Progress } from "../../../src/shipper/Progress.ts"
import type { Parcel } from "../../../src/shipper/parcel.ts"
import { holding, send } from "../../../src/shipper/Receiver.ts"
import { Resumption } from "../../../src/shipper/resume/Resumption.ts"
import { makeTurn, Turn } from "../../../src/shipper/Turn.ts"
import { layerAnswering, type Said, saying } from "../answeringClient.ts"
import { onHost, paths } from "../memoryFiles.ts"
import { jsonNear, textNear } from "../mutate.ts"
import { outcome } from "../outcome.ts"
import { type Decoder, row } from "./row.ts"
import { commit } from "./samples.ts"

const SHA = Sha256.make("a".repeat(64))
const CONTENT = Sha256.make("b".repeat(64))
const HOST = HostId.make("lab-1")
const ID = EpisodeId.make("e1")
const parcel: Parcel = {
  episodeId: ID,
  tarball: paths.tarball(ID),
  bytes: 4,
  sha256: SHA,
  contentSha256: CONTENT,
  commit: undefined
}

const world = (said: (nth: number) => Said) =>
  Layer.mergeAll(
    layerAnswering(said),
    Link.layerUnlimited,
    Progress.layer,
    Effort.layer(1),
    Resumption.layer({ aboveBytes: 2 ** 22, backoffSeconds: [0] }),
    Layer.succeed(Turn, makeTurn(Effect.succeed(false))),
    Layer.succeed(Installation, { version: "0", repoPath: "/code" }),
    Layer.succeed(Destination, {
      url: "http://receiver",
      hostId: HOST,
      token: Effect.undefined,
      requestTimeoutSeconds: 60
    })
  )

const answered = <A, E>(effect: Parameters<typeof onHost<A, E>>[1]) =>
  outcome(onHost({ [parcel.tarball]: "tar!" }, effect))

const receiptBody = fc.record({
  status: fc.constantFrom("stored", "already_present"),
  host_id: fc.constantFrom<string>(HOST, "other"),
  episode_id: fc.constantFrom<string>(ID, "e2"),
  sha256: fc.constant(SHA),
  bytes: fc.nat(),
  content_sha256: fc.constantFrom<string>(CONTENT, CONTENT, SHA)
})
const problemBody = fc.record(
  {
    type: fc.constantFrom(...Object.keys(problems).map((name) => `urn:cis490:problem:${name}`)),
    status: fc.nat(),
    error: fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("digest mismatch: the body", "invalid archive: x")
    ),
    remediation: fc.string(),
    stored_sha256: fc.constant(CONTENT),
    your_sha256: fc.constantFrom<string>(SHA, CONTENT, "c".repeat(64))
  },
  { requiredKeys: ["error"] }
)
const status = fc.oneof(
  { arbitrary: fc.constantFrom(200, 201, 409, ...Object.values(problems).map(({ status }) => status)), weight: 3 },
  fc.integer({ min: 200, max: 599 })
)
const anyAnswer = saying(
  status,
  fc.oneof(jsonNear(receiptBody), jsonNear(problemBody), fc.constant("<html>proxy</html>"))
)

const sendTo = async (said: Said): Promise<Verdict> =>
  Result.getOrThrow(
    await answered(
      Effect.provide(
        send(parcel),
        world(() => said)
      )
    )
  ) as Verdict

const bodyOf = ({ body }: Said): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body))
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** What each verdict may be said of: nothing of an episode where the answer is not the receiver's own. */
const fits: { readonly [T in Verdict["_tag"]]: (verdict: Extract<Verdict, { _tag: T }>, said: Said) => boolean } = {
  Shipped: ({ answer }, { status }) =>
    (status === 200 || status === 201) &&
    answer.host_id === HOST &&
    answer.episode_id === ID &&
    answer.content_sha256 === CONTENT &&
    ["stored", "already_present"].includes(answer.status),
  Conflict: (_, said) => said.status === 409 && typeof bodyOf(said)?.["error"] === "string",
  Rejected: (_, said) =>
    said.status >= 400 &&
    said.status < 500 &&
    ![401, 403, 404, 405, 407, 408, 409, 425, 429].includes(said.status) &&
    typeof bodyOf(said)?.["error"] === "string",
  DamagedOnTheWay: (_, said) => [409, 422].includes(said.status) && typeof bodyOf(said)?.["error"] === "string",
  NotLetIn: (_, { status }) => status < 500,
  Transient: ({ retryAfter, status }, said) =>
    (retryAfter ?? 0) >= 0 &&
    (retryAfter ?? 0) <= MAX_RETRY_AFTER_S &&
    (status === 0 ? said.breaks !== undefined : status >= 500 || [408, 425, 429].includes(status))
}

const receiverAnswers = row({
  reads: "answers to an upload, the receiver's and anybody's",
  in: ["domain/verdict.ts", "shipper/Receiver.ts"],
  sound: receiptBody.map(
    (body): Said => ({
      status: 201,
      headers: {},
      cuts: [3],
      body: new Uint8Array(
        Buffer.from(JSON.stringify({ ...body, host_id: HOST, episode_id: ID, content_sha256: CONTENT }))
      )
    })
  ),
  near: anyAnswer,
  read: async (said) => ({
    verdict: await sendTo(said),
    uncut: await sendTo({ ...said, cuts: [], breaks: undefined })
  }),
  typed: ({ uncut, verdict }, said) => {
    for (const one of [verdict, uncut]) {
      expect(fits[one._tag](one as never, said), JSON.stringify(one)).toBe(true)
      // It goes into files and logs.
      expect(JSON.parse(JSON.stringify(one))).toMatchObject({ _tag: one._tag })
      if ("error" in one) expect(one.error.length).toBeLessThanOrEqual(1002)
      if ("error" in one) expect(one.error).not.toMatch(/[\r\n]/)
    }
    if (said.breaks === undefined) expect(verdict).toEqual(uncut)
  },
  understood: ({ verdict }) => expect(verdict._tag).toBe("Shipped"),
  share: 0.5
})

const headAnswers = row({
  reads: "answers to HEAD",
  in: ["shipper/Receiver.ts"],
  sound: fc.constant<Said>({
    status: 200,
    headers: { [header.contentSha256]: CONTENT },
    body: new Uint8Array(0),
    cuts: []
  }),
  near: saying(
    fc.oneof(fc.constantFrom(200, 404), status),
    fc.constant(""),
    fc.dictionary(
      fc.constantFrom(header.contentSha256, header.problem, "content-type"),
      fc.constantFrom<string>(CONTENT, "not-stored", "not-found", "application/problem+json", "text/html", "")
    )
  ),
  read: (said) =>
    answered(
      Effect.provide(
        holding(HOST, ID),
        world(() => said)
      )
    ),
  typed: (found, { headers, status }) => {
    const held = Result.getOrThrow(found)
    if (held._tag === "Holds") expect([status, headers[header.contentSha256]]).toEqual([200, held.contentSha256])
    // Only the receiver's own "not stored" brings an episode back.
    if (held._tag === "NotStored") {
      expect(status).toBe(404)
      expect(headers[header.problem] ?? headers["content-type"]).toMatch(/^not-stored$|^application\/problem\+json/)
    }
  },
  understood: (found) => expect(Result.getOrThrow(found)).toEqual({ _tag: "Holds", contentSha256: CONTENT }),
  share: 0.25
})

const pingAnswer = fc.record(
  { ok: fc.constant(true), host_id: fc.constant(HOST), commit_allowed: fc.boolean(), error: fc.string() },
  { requiredKeys: ["ok"] }
)

const pingAnswers = row({
  reads: "answers to a ping",
  in: ["shipper/checkin.ts"],
  sound: fc.constant<Said>({ status: 200, headers: {}, body: new Uint8Array(Buffer.from('{"ok":true}')), cuts: [] }),
  near: saying(fc.oneof(fc.constant(200), status), jsonNear(pingAnswer)),
  read: (said) =>
    answered(
      Effect.provide(
        checkIn,
        world(() => said)
      )
    ),
  typed: (found, { status }) => {
    const result = Result.getOrThrow(found)
    expect(JSON.parse(JSON.stringify(result))).toEqual(result)
    expect([0, status]).toContain(result.status_code)
    expect(result.ok).toBe(result.error === null)
    if (result.ok) expect(status).toBe(200)
  },
  understood: (found) => expect(Result.getOrThrow(found).ok).toBe(true),
  share: 0.25
})

const WINDOW = 3
const isWindow = (found: Result.Result<CommitWindow, SourceFailed>): void => {
  if (Result.isFailure(found)) return expect(found.failure.message.length).toBeLessThan(2000)
  const { commits } = found.success
  expect(commits.every(isCommit)).toBe(true)
  expect(commits.length).toBeGreaterThan(0)
  expect(commits.length).toBeLessThanOrEqual(WINDOW)
}
const windowOf = (layer: Layer.Layer<CommitSource>) =>
  outcome(Effect.flatMap(CommitSource, (source) => source.window).pipe(Effect.provide(layer)))

const page = fc.array(
  commit.map((sha) => ({ sha })),
  { maxLength: 4 }
)
const pageText = fc.oneof(
  page.map((commits) => JSON.stringify(commits)),
  textNear(page.map((commits) => JSON.stringify(commits)))
)
const forgejoPage = saying(
  fc.oneof({ arbitrary: fc.constant(200), weight: 5 }, status),
  pageText,
  fc.dictionary(
    fc.constantFrom("x-hasmore", "x-total-count", "link"),
    fc.constantFrom("true", "false", "2", "1000000", "9".repeat(400), '<https://x>; rel="next"', "")
  )
)

const forgejo = (pages: ReadonlyArray<Said>) => {
  let asked = 0
  const said = (nth: number): Said => {
    asked++
    return pages[nth % pages.length] ?? { status: 500, headers: {}, body: new Uint8Array(0), cuts: [] }
  }
  const layer = Forgejo.layer({
    url: "http://f",
    owner: "o",
    repository: "r",
    branch: "b",
    window: WINDOW,
    token: Effect.undefined
  })
  return Effect.runPromise(Effect.promise(() => windowOf(Layer.provide(layer, layerAnswering(said))))).then(
    (found) => ({ found, asked })
  )
}

const forgejoAnswers = row({
  reads: "pages of commits from a Forgejo",
  in: ["receiver/commitSource/forgejo.ts"],
  sound: fc.array(commit, { minLength: 1, maxLength: 3 }).map(
    (commits): ReadonlyArray<Said> => [
      {
        status: 200,
        headers: { "x-hasmore": "false" },
        cuts: [],
        body: new Uint8Array(Buffer.from(JSON.stringify(commits.map((sha) => ({ sha })))))
      }
    ]
  ),
  near: fc.array(forgejoPage, { minLength: 1, maxLength: 3 }),
  read: forgejo,
  typed: ({ asked, found }) => {
    isWindow(found)
    // Every page brings something new, or is the last.
    expect(asked).toBeLessThanOrEqual(WINDOW + 1)
  },
  understood: ({ found }) => expect(Result.isSuccess(found)).toBe(true),
  share: 0.25
})

interface Spoken {
  readonly stdout: string
  readonly stderr: string
  readonly code: number
}
const gitSaying = (calls: ReadonlyArray<Spoken>) => {
  let nth = 0
  const bytes = (text: string) => Stream.make(new Uint8Array(Buffer.from(text)))
  const spawner = makeSpawner(() =>
    Effect.sync(() => {
      const { code, stderr, stdout } = calls[nth++ % calls.length] ?? { stdout: "", stderr: "", code: 1 }
      return makeHandle({
        pid: ProcessId(1),
        exitCode: Effect.succeed(ExitCode(code)),
        isRunning: Effect.succeed(false),
        kill: () => Effect.void,
        unref: Effect.succeed(Effect.void),
        stdin: Sink.drain,
        stdout: bytes(stdout),
        stderr: bytes(stderr),
        all: bytes(stdout + stderr),
        getInputFd: () => Sink.drain,
        getOutputFd: () => Stream.empty
      })
    })
  )
  return windowOf(
    Git.layer({ path: "/r", branch: "b", window: WINDOW }).pipe(
      Layer.provide(Layer.succeed(ChildProcessSpawner, spawner))
    )
  )
}

const spoken = fc.record({
  stdout: textNear(fc.array(commit, { maxLength: 4 }).map((commits) => commits.map((each) => `${each}\n`).join(""))),
  stderr: textNear(fc.constant("fatal: not a git repository\n")),
  code: fc.constantFrom(0, 0, 0, 1, 128)
})

const gitOutput = row({
  reads: "what git prints",
  in: ["receiver/commitSource/git.ts"],
  sound: fc
    .array(commit, { minLength: WINDOW, maxLength: WINDOW })
    .map((commits): ReadonlyArray<Spoken> => [{ stdout: `${commits.join("\n")}\n`, stderr: "", code: 0 }]),
  near: fc.array(spoken, { minLength: 1, maxLength: 3 }),
  read: gitSaying,
  typed: (found) => {
    if (Result.isFailure(found)) return isWindow(found)
    expect(found.success.commits.every(isCommit)).toBe(true)
  },
  understood: (found) => expect(Result.isSuccess(found)).toBe(true),
  share: 0.25
})

export const answers: ReadonlyArray<Decoder> = [receiverAnswers, headAnswers, pingAnswers, forgejoAnswers, gitOutput]
