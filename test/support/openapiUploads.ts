/** Every answer about uploads that may be resumed. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { parseNetwork } from "../../src/domain/network.ts"
import type { Problem } from "../../src/domain/protocol.ts"
import { Gate } from "../../src/receiver/gate.ts"
import { COMMIT, EPISODE, makeEpisode, PATH, putOf } from "./episode.ts"
import { OLD_COMMIT, type Options, type Receiver, STRANGE_COMMIT, TOKENS } from "./receiver.ts"
import { creation, part } from "./receiverUploads.ts"
import { type Request, reprDigestOf, send, until } from "./wire.ts"

interface World {
  readonly ask: (request: Request) => Promise<void>
  /** Sends the headers and no body. */
  readonly begin: (request: Request) => Promise<void>
  readonly receiver: Receiver
}
type WithReceiver = (options: Options, use: (world: World) => Promise<void>) => Promise<void>
type Fields = Record<string, string | undefined>

const whole = makeEpisode("one\n").tarball
const other = makeEpisode("other\n").tarball
const auth = { authorization: `Bearer ${TOKENS.shared}` }
const commit = { ...auth, "x-cis490-code-commit": COMMIT }
const strangers = [{ authorization: "Bearer nobody" }, { authorization: `Bearer ${TOKENS.otherHost}` }]
const nowhere = `/v1/uploads/${"0".repeat(32)}`

const post = (more: Fields = {}, path = PATH, body = whole): Request => ({
  ...creation(body, { ...commit, ...more }),
  path
})
const postAll = (body: Uint8Array, more: Fields = {}, path = PATH): Request => ({
  ...post({ "upload-complete": "?1", "content-length": String(body.length), ...more }, path, body),
  body
})
const announced = (body: Uint8Array, more: Fields = {}, path = PATH): Request => ({
  ...putOf(body, { ...commit, "upload-complete": "?1", "upload-draft-interop-version": "8", ...more }),
  path
})
const named = (name: string): string => PATH.replace(EPISODE, name)
const at = (method: string, path: string, headers: Fields = auth): Request => ({
  method,
  path,
  headers: Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  )
})
const append = (path: string, body: Uint8Array, offset: number, isLast: boolean, more: Fields = {}) =>
  part(path, body, offset, isLast, { ...auth, ...more })

/** Begins one unseen; its path. */
const begun = async ({ port }: Receiver, request: Request = post()): Promise<string> =>
  String((await send(port, request)).headers.location)

const ordinary = async ({ ask, receiver }: World) => {
  const { control, lost, rows } = receiver.dataset
  for (const method of ["HEAD", "GET", "DELETE"]) await ask(at(method, nowhere))
  const free = named("free")
  for (const more of [
    { "upload-complete": "1" },
    { "upload-length": undefined },
    { "repr-digest": "x" },
    { "x-cis490-code-commit": undefined },
    { "x-cis490-code-commit": "x" },
    { "x-cis490-code-commit": OLD_COMMIT },
    { "x-cis490-code-commit": STRANGE_COMMIT },
    { "upload-complete": "?1" },
    { "upload-length": "99999999999" }
  ]) {
    await ask(post(more, free))
  }
  await ask(post({}, named("..")))
  await ask(announced(whole, { "upload-length": "1" }, free))
  await ask(postAll(whole, { "repr-digest": reprDigestOf(other) }, free))
  await ask(postAll(whole, {}, free))
  const path = await begun(receiver)
  for (const method of ["HEAD", "GET"]) await ask(at(method, path))
  await ask(append(path, whole, 1, true))
  await ask(append(path, whole.subarray(1), 0, true))
  await ask(append(path, whole, 0, true, { "upload-offset": "x" }))
  await ask(append(path, whole, 0, true, { "content-type": "text/plain" }))
  await ask(append(path, whole, 0, true, { "content-digest": "sha-256=x" }))
  await ask(append(path, whole, 0, false, { "content-digest": reprDigestOf(other) }))
  await ask(append(path, whole, 0, false))
  control.trouble = "the index cannot be written"
  await ask(append(path, new Uint8Array(), whole.length, true))
  await ask(post({}, free))
  control.trouble = undefined
  control.defect = new Error("a mistake")
  await ask(append(path, new Uint8Array(), whole.length, true))
  await ask(post())
  control.defect = undefined
  await ask(append(path, new Uint8Array(), whole.length, true))
  await ask(append(path, new Uint8Array(), whole.length, true))
  await ask(append(path, new Uint8Array(), whole.length, false))
  await ask(post())
  await ask(postAll(other))
  await ask(at("DELETE", path))
  await ask(append(path, whole, 0, true))
  rows.clear()
  await ask(postAll(whole))
  await ask(post({ "x-cis490-content-sha256": makeEpisode("other\n").contentSha256 }, PATH, other))
  const invalid = await begun(receiver, post({}, free))
  await ask(append(invalid, whole, 0, true))
  const conflicting = await begun(receiver, post({}, PATH, other))
  await ask(append(conflicting, other, 0, true))
  lost.add(`lab-1/${EPISODE}`)
  await ask(postAll(other))
  await ask(append(await begun(receiver, post({}, PATH, other)), other, 0, true))
  await ask(post())
}

const strange = async ({ ask, receiver }: World) => {
  const path = await begun(receiver)
  for (const headers of strangers) {
    for (const method of ["HEAD", "GET", "DELETE"]) await ask(at(method, path, headers))
    await ask(append(path, whole, 0, true, headers))
    await ask(post(headers))
    await ask(at("OPTIONS", PATH, headers))
  }
  await ask(at("OPTIONS", PATH))
  await ask(at("OPTIONS", named("..")))
}

const vouchedFor = async ({ ask }: World) => {
  const headers = { "x-client": "*" }
  for (const method of ["HEAD", "GET", "DELETE"]) await ask(at(method, nowhere, { ...auth, ...headers }))
  await ask(at("OPTIONS", PATH, { ...auth, ...headers }))
  await ask(append(nowhere, whole, 0, true, headers))
  await ask(post(headers))
}

const crowded = async ({ ask, receiver }: World) => {
  const { control } = receiver.dataset
  const path = await begun(receiver)
  await ask(announced(whole, {}, named("another")))
  await ask(post({}, named("another")))
  const hold = Deferred.makeUnsafe<void>()
  control.hold = hold
  const first = send(receiver.port, putOf(whole, { ...commit }))
  await until(() => receiver.leftBehind().length === 2)
  await ask(append(path, whole, 0, true))
  await ask({ ...postAll(whole), path: PATH.replace("lab-1", "lab-2") })
  Deferred.doneUnsafe(hold, Effect.void)
  await first
}

const idle = async ({ begin, receiver }: World) => {
  await begin(append(await begun(receiver), whole, 0, true))
  await begin(postAll(whole))
}

/** Lets everything begin and nothing end. */
const fickle = () => {
  const control: { refuse: Problem | undefined } = { refuse: undefined }
  const layer = Layer.succeed(Gate, {
    enabled: true,
    remediation: "git pull",
    admit: () => Effect.suspend(() => (control.refuse === undefined ? Effect.void : Effect.fail(control.refuse))),
    head: Effect.succeed(null),
    allows: () => Effect.succeed(true)
  })
  return { control, layer }
}

export const collectUploads = async (withReceiver: WithReceiver) => {
  await withReceiver({}, ordinary)
  await withReceiver({}, strange)
  const proxy = { header: "x-client", trusted: [parseNetwork("127.0.0.1")].filter((peer) => peer !== undefined) }
  await withReceiver({ connections: { certificates: false, proxy } }, vouchedFor)
  const uploads = { expiryMillis: 60_000, maxPerHost: 1, maxBytesPerHost: 1e9 }
  await withReceiver({ limits: { maxConcurrentUploads: 1, uploads } }, crowded)
  await withReceiver({ limits: { bodyIdleMillis: 20 } }, idle)
  await withReceiver({ limits: { maxUnpackedBytes: 100 } }, async ({ ask, receiver }) => {
    await ask(append(await begun(receiver), whole, 0, true))
  })
  let freeBytes = 1e9
  await withReceiver({ limits: { minFreeBytes: 1 }, freeBytes: () => freeBytes }, async ({ ask, receiver }) => {
    const path = await begun(receiver)
    freeBytes = 0
    await ask(append(path, whole, 0, true))
    await ask(post())
  })
  const gate = fickle()
  await withReceiver({ gate: gate.layer }, async ({ ask, receiver }) => {
    const path = await begun(receiver)
    gate.control.refuse = { problem: "commit-unknown", error: "the gate cannot tell" }
    await ask(append(path, whole, 0, true))
    const members = { your_commit: COMMIT, head_commit: null }
    gate.control.refuse = { problem: "out-of-window", error: "too old", remediation: "git pull", members }
    await ask(append(path, new Uint8Array(), whole.length, true))
  })
}
