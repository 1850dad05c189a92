/**
 * A client of draft-ietf-httpbis-resumable-upload (after -11, interop version 8), written from the draft alone. It takes no answer
 * that the draft forbids: what a server MUST do and has not done is a `Breach`.
 */
import { type Answer, ask, Cut, type Exchange, exchange, type Fields, type Head } from "./draftWire.ts"

export const INTEROP_VERSION = "8"
const PARTIAL_UPLOAD = "application/partial-upload"

export class Breach extends Error {
  constructor(what: string, head: Head) {
    super(`${what}\n${head.status}\n${head.fields.map(([name, value]) => `${name}: ${value}`).join("\n")}`)
  }
}

/** RFC 9651 Items; what is of another type is no field at all. */
const booleanOf = (value: string | undefined): boolean | undefined =>
  value === "?1" ? true : value === "?0" ? false : undefined
const integerOf = (value: string | undefined): number | undefined =>
  value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined

export const completeOf = (head: Head) => booleanOf(head.field("upload-complete"))
export const offsetOf = (head: Head) => integerOf(head.field("upload-offset"))
export const lengthOf = (head: Head) => integerOf(head.field("upload-length"))

const LIMITS = ["max-size", "min-size", "max-append-size", "min-append-size", "max-age"] as const
export type Limit = (typeof LIMITS)[number]

/** `Upload-Limit`: a Dictionary; members with unknown keys do not count, known ones are Integers. */
export const limitsOf = (head: Head): Readonly<Partial<Record<Limit, number>>> | undefined => {
  const text = head.field("upload-limit")
  if (text === undefined) return undefined
  const limits: Partial<Record<Limit, number>> = {}
  for (const member of text.split(",")) {
    const [, key, value] = /^[ \t]*([a-z*][a-z0-9_.*-]*)(?:=([^;]*))?(?:;.*)?[ \t]*$/.exec(member) ?? []
    if (key === undefined) throw new Breach("Upload-Limit is no Dictionary", head)
    const known = LIMITS.find((limit) => limit === key)
    if (known === undefined) continue
    const integer = integerOf(value)
    if (integer === undefined) throw new Breach(`the limit ${key} is no Integer`, head)
    limits[known] = integer
  }
  return limits
}

const need = (holds: boolean, what: string, head: Head): void => {
  if (!holds) throw new Breach(what, head)
}

/** 104s of another version do not count. */
const progressOf = (interim: ReadonlyArray<Head>): ReadonlyArray<Head> =>
  interim.filter((head) => head.status === 104 && head.field("upload-draft-interop-version") === INTEROP_VERSION)

/** What the draft says of the interim answers to a creation: the URI of the upload, if it was told. */
const locationIn = (interim: ReadonlyArray<Head>): string | undefined => {
  const said = progressOf(interim).filter((head) => head.field("location") !== undefined)
  const locations = new Set(said.map((head) => head.field("location")))
  for (const head of said) {
    need(limitsOf(head) !== undefined, "the 104 of a creation has no Upload-Limit", head)
    need(locations.size === 1, "Location is not the same in all answers", head)
  }
  for (const head of progressOf(interim)) {
    const about = head.field("location") !== undefined || offsetOf(head) !== undefined
    need(about, "a 104 with neither Location nor Upload-Offset", head)
  }
  return [...locations][0]
}

const pathOf = (location: string, base: string): string => {
  const { pathname, search } = new URL(location, `http://receiver${base}`)
  return `${pathname}${search}`
}

export interface State {
  readonly offset: number
  readonly complete: boolean
  readonly length: number | undefined
  readonly limits: Readonly<Partial<Record<Limit, number>>>
}

/** What is uploaded, and where to. */
export interface Target {
  readonly path: string
  readonly fields: Fields
}

export interface AppendOptions {
  readonly complete?: boolean
  readonly fields?: Fields
  /** The body is said to be so long, and written by the caller. */
  readonly announced?: number
}

/** `fields` go with every request: who one is. */
export const draftClient = (port: () => number, identity: Fields = []) => {
  /** The highest offset that each upload was ever said to have. */
  const told = new Map<string, number>()
  const version = ["upload-draft-interop-version", INTEROP_VERSION] as const

  const hear = (upload: string, head: Head): void => {
    const offset = offsetOf(head)
    if (offset === undefined) return
    need(offset >= (told.get(upload) ?? 0), `the offset went back from ${told.get(upload)}`, head)
    told.set(upload, offset)
  }
  const hearAll = (upload: string, interim: ReadonlyArray<Head>): void => {
    for (const head of progressOf(interim)) hear(upload, head)
  }
  /** What an answer that went wrong has still told. */
  const rescue = (upload: string, error: unknown): never => {
    if (error instanceof Cut) hearAll(upload, error.interim)
    throw error
  }

  /** A creation under way, whose body the caller writes. */
  const begin = (method: string, { fields, path }: Target, more: Fields, body?: Uint8Array): Exchange =>
    exchange(port(), {
      method,
      path,
      fields: [version, ...identity, ...fields, ...more],
      ...(body === undefined ? {} : { body })
    })

  const options = (path: string): Promise<Answer> =>
    ask(port(), { method: "OPTIONS", path, fields: [version, ...identity] })

  /** Upload creation without content. */
  const create = async (target: Target, length: number | undefined, more: Fields = []): Promise<Answer> => {
    const known: Fields = length === undefined ? [] : [["upload-length", String(length)]]
    const answer = await begin("POST", target, [["upload-complete", "?0"], ...known, ...more], new Uint8Array()).answer
    const interim = locationIn(answer.interim)
    if (answer.status < 200 || answer.status > 299) return answer
    // A final answer that is the target's own says so: there is no upload then.
    if (completeOf(answer) === true) return answer
    const location = answer.field("location")
    need(location !== undefined, "a creation without Location", answer)
    need(limitsOf(answer) !== undefined, "a creation without Upload-Limit", answer)
    need(interim === undefined || interim === location, "Location is not the one of the 104", answer)
    hear(pathOf(location ?? "", target.path), answer)
    return answer
  }

  /** A creation that must succeed; the path of the upload. */
  const created = async (target: Target, length: number | undefined, more: Fields = []): Promise<string> => {
    const answer = await create(target, length, more)
    const location = answer.field("location")
    if (answer.status !== 201 || location === undefined) {
      throw new Error(`no upload was created: ${answer.status} ${Buffer.from(answer.body).toString()}`)
    }
    return pathOf(location, target.path)
  }

  /** The path of the upload that the 104s of a creation name. */
  const announced = (target: Target, interim: ReadonlyArray<Head>): string | undefined => {
    const location = locationIn(interim)
    return location === undefined ? undefined : pathOf(location, target.path)
  }

  const look = async (upload: string, method: "HEAD" | "GET" = "HEAD"): Promise<Answer> => {
    const answer = await ask(port(), { method, path: upload, fields: [version, ...identity] })
    hear(upload, answer)
    return answer
  }

  /** An offset retrieval that must succeed. */
  const state = async (upload: string, method: "HEAD" | "GET" = "HEAD"): Promise<State> => {
    const answer = await look(upload, method)
    if (answer.status < 200 || answer.status > 299) throw new Error(`no offset was told: ${answer.status}`)
    const offset = offsetOf(answer)
    const complete = completeOf(answer)
    const limits = limitsOf(answer)
    if (offset === undefined) throw new Breach("an offset retrieval without Upload-Offset", answer)
    if (complete === undefined) throw new Breach("an offset retrieval without Upload-Complete", answer)
    if (limits === undefined) throw new Breach("an offset retrieval without Upload-Limit", answer)
    need(answer.field("cache-control") === "no-store", "an offset retrieval that may be cached", answer)
    return { offset, complete, length: lengthOf(answer), limits }
  }

  /** An append under way. */
  const patch = (upload: string, offset: number, body: Uint8Array | undefined, more: AppendOptions = {}): Exchange =>
    exchange(port(), {
      method: "PATCH",
      path: upload,
      fields: [
        version,
        ...identity,
        ["content-type", PARTIAL_UPLOAD],
        ["upload-offset", String(offset)],
        ["upload-complete", more.complete === true ? "?1" : "?0"],
        ...(more.announced === undefined ? [] : [["content-length", String(more.announced)] as const]),
        ...(more.fields ?? [])
      ],
      ...(body === undefined ? {} : { body })
    })

  /** The answer to an append, held against the draft. */
  const heard = async (upload: string, under: Exchange, offset: number): Promise<Answer> => {
    const answer = await under.answer.catch((error: unknown) => rescue(upload, error))
    for (const head of progressOf(answer.interim))
      need(head.field("location") === undefined, "the 104 of an append has a Location", head)
    hearAll(upload, answer.interim)
    const own = completeOf(answer) === true
    if (answer.status === 409 && !own) {
      need(offsetOf(answer) !== undefined, "a 409 without the right Upload-Offset", answer)
      need(completeOf(answer) === false, "a 409 without Upload-Complete: ?0", answer)
      need(offsetOf(answer) !== offset, "a 409 for the right offset", answer)
    }
    hear(upload, answer)
    return answer
  }

  const append = (upload: string, offset: number, body: Uint8Array, more: AppendOptions = {}): Promise<Answer> =>
    heard(upload, patch(upload, offset, body, more), offset)

  const cancel = (upload: string): Promise<Answer> =>
    ask(port(), { method: "DELETE", path: upload, fields: [version, ...identity] })

  /**
   * Sends what is missing until the target has answered. `step` says how much an append may carry, and `disturb` sends each piece, or cuts
   * its request. Ends with the target's answer, or with the first refusal of the upload itself.
   */
  const finish = async (
    upload: string,
    whole: Uint8Array,
    step: number,
    disturb: (under: Exchange, piece: Uint8Array) => Promise<void> = (under, piece) => under.write(piece)
  ): Promise<Answer> => {
    let offset = (await state(upload)).offset
    for (;;) {
      const end = Math.min(whole.length, offset + step)
      const piece = whole.subarray(offset, end)
      const complete = end === whole.length
      const under = patch(upload, offset, undefined, { complete, announced: piece.length })
      await disturb(under, piece)
      try {
        const answer = await heard(upload, under, offset)
        if (completeOf(answer) === true) return answer
        if (answer.status === 409) offset = offsetOf(answer) ?? offset
        else if (answer.status >= 200 && answer.status <= 299) {
          need(!complete, "the last append was answered without Upload-Complete: ?1", answer)
          offset = end
        } else if (answer.status < 500) return answer
        else offset = (await state(upload)).offset
      } catch (error) {
        if (!(error instanceof Cut)) throw error
        const seen = await state(upload)
        if (seen.complete) throw new Error("a cut append has completed the upload", { cause: error })
        offset = seen.offset
      }
    }
  }

  return { announced, append, begin, cancel, create, created, finish, heard, look, options, patch, state, told }
}
export type DraftClient = ReturnType<typeof draftClient>
