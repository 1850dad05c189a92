/** What went over the wire and what the source of commits said, as somebody sees it who stands beside the programs. */
import type { RequestHead, ResponseHead } from "../network/message.ts"
import { commitAt } from "../plan/commits.ts"

export interface Sent {
  readonly at: number
  readonly host: string
  readonly method: string
  readonly id: string
  readonly contentSha256: string | undefined
}

/** The receiver's own word, at the instant in which it was said; nobody may ever have heard it. */
export interface Answer {
  readonly arrivedAt: number
  readonly at: number
  readonly method: string
  readonly host: string
  readonly id: string
  readonly commit: string | undefined
  readonly status: number
  readonly body: unknown
  readonly contentSha256: string | undefined
  /** It is about an upload, and not about the episode. */
  readonly partial: boolean
}

/** A list of commits that the source gave: what it was asked for from `askedAt` on. */
export interface Window {
  readonly askedAt: number
  readonly commits: ReadonlyArray<string>
}

/** An episode that goes in pieces, as its creation said it. */
export interface Upload {
  readonly path: string
  readonly host: string
  readonly id: string
  readonly commit: string | undefined
  readonly contentSha256: string | undefined
  readonly length: number
  /** The highest offset that was ever told. */
  told: number
  /** Somebody has asked for its end, or been told of it: it may be gone. */
  ending: boolean
}

export interface Traffic {
  readonly sent: Array<Sent>
  readonly answers: Array<Answer>
  readonly windows: Array<Window>
  /** By the path of their URL. */
  readonly uploads: Map<string, Upload>
}

export const makeTraffic = (): Traffic => ({ sent: [], answers: [], windows: [], uploads: new Map() })

/** What carries an episode to the receiver, in whole or in part. */
export const SENDING: ReadonlySet<string> = new Set(["PUT", "POST", "PATCH"])

/** The newest `window` commits when the head of the branch is `head`. */
export const windowAt = (head: number, window: number): ReadonlyArray<string> =>
  Array.from({ length: Math.min(window, head + 1) }, (_, i) => commitAt(head - i))

interface Named {
  readonly host: string
  readonly id: string
}

/** `/v1/episodes/<host>/<id>`. */
const episodeIn = (url: string): Named | undefined => {
  const [, host, id] = /\/v1\/episodes\/([^/?]+)\/([^/?]+)$/.exec(url) ?? []
  return host === undefined || id === undefined ? undefined : { host, id }
}

const CONTENT = "x-cis490-content-sha256"
const COMMIT = "x-cis490-code-commit"

/** `undefined` for what is about no episode. */
export const sentIn = (traffic: Traffic, { headers, method, target }: RequestHead, at: number): Sent | undefined => {
  const upload = traffic.uploads.get(target)
  if (upload !== undefined) return { at, method, host: upload.host, id: upload.id, contentSha256: upload.contentSha256 }
  const episode = episodeIn(target)
  return episode && { at, method, ...episode, contentSha256: headers[CONTENT] }
}

/** The path of what was made. */
export const locationIn = ({ authority }: RequestHead, { headers }: ResponseHead): string | undefined =>
  headers.location === undefined ? undefined : new URL(headers.location, `http://${authority}`).pathname

/** The upload that an answer says to have made. */
export const uploadIn = (request: RequestHead, response: ResponseHead): Upload | undefined => {
  const episode = episodeIn(request.target)
  const path = locationIn(request, response)
  if (episode === undefined || path === undefined || response.headers["upload-complete"] === "?1") return undefined
  return {
    ...episode,
    path,
    commit: request.headers[COMMIT],
    contentSha256: request.headers[CONTENT],
    length: Number(request.headers["upload-length"]),
    told: 0,
    ending: false
  }
}

export const answerIn = (
  traffic: Traffic,
  request: RequestHead,
  response: ResponseHead,
  bytes: Uint8Array,
  times: Pick<Answer, "arrivedAt" | "at">
): Answer | undefined => {
  const upload = traffic.uploads.get(request.target)
  const episode = upload ?? episodeIn(request.target)
  if (episode === undefined) return undefined
  const text = new TextDecoder().decode(bytes)
  const body: unknown = text === "" ? undefined : JSON.parse(text)
  const said =
    typeof body === "object" && body !== null && "content_sha256" in body ? String(body.content_sha256) : undefined
  return {
    ...times,
    host: episode.host,
    id: episode.id,
    method: request.method,
    commit: upload?.commit ?? request.headers[COMMIT],
    status: response.status,
    body,
    contentSha256: said ?? response.headers[CONTENT],
    partial: (upload ?? uploadIn(request, response)) !== undefined && response.headers["upload-complete"] !== "?1"
  }
}
