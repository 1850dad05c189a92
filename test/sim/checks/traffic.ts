/** What went over the wire and what the source of commits said, as somebody sees it who stands beside the programs. */
import type { RequestHead, ResponseHead } from "../network/message.ts"
import { commitAt } from "../plan/commits.ts"

export interface Sent {
  readonly at: number
  readonly host: string
  readonly method: string
  readonly id: string
  readonly contentSha256: string | undefined
  /** Its bytes, or the question whether they may come; anything else is a question about it. */
  readonly isSending: boolean
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
  /** What became of the episode: the answer to a PUT, to a POST that made no upload, to the append that was the last. */
  readonly isVerdict: boolean
}

/** A list of commits that the source gave: what it was asked for from `askedAt` on. */
export interface Window {
  readonly askedAt: number
  readonly commits: ReadonlyArray<string>
}

/** Of what an upload is that may be resumed. */
interface Upload {
  readonly host: string
  readonly id: string
  readonly commit: string | undefined
  readonly contentSha256: string | undefined
}

export interface Traffic {
  readonly sent: Array<Sent>
  readonly answers: Array<Answer>
  readonly windows: Array<Window>
  /** By path. */
  readonly uploads: Map<string, Upload>
}

export const makeTraffic = (): Traffic => ({ sent: [], answers: [], windows: [], uploads: new Map() })

/** The newest `window` commits when the head of the branch is `head`. */
export const windowAt = (head: number, window: number): ReadonlyArray<string> =>
  Array.from({ length: Math.min(window, head + 1) }, (_, i) => commitAt(head - i))

/** `/v1/episodes/<host>/<id>`. */
const episodeIn = (url: string): { readonly host: string; readonly id: string } | undefined => {
  const [, host, id] = /\/v1\/episodes\/([^/?]+)\/([^/?]+)$/.exec(url) ?? []
  return host === undefined || id === undefined ? undefined : { host, id }
}

const CONTENT = "x-cis490-content-sha256"
const COMMIT = "x-cis490-code-commit"

/** What a request is about; `undefined` for no episode. The question how far an upload is is about none. */
const aboutIn = ({ headers, method, target }: RequestHead, { uploads }: Traffic): Upload | undefined => {
  const episode = episodeIn(target)
  if (episode !== undefined) return { ...episode, commit: headers[COMMIT], contentSha256: headers[CONTENT] }
  return method === "PATCH" ? uploads.get(target) : undefined
}

const SENDING: ReadonlySet<string> = new Set(["PUT", "POST", "PATCH"])

/** `undefined` for what is about no episode. */
export const sentIn = (request: RequestHead, at: number, traffic: Traffic): Sent | undefined => {
  const about = aboutIn(request, traffic)
  const { method } = request
  return about && { at, method, ...about, isSending: SENDING.has(method) }
}

const isVerdict = (method: string, { headers, status }: ResponseHead): boolean =>
  method === "PUT" ||
  (method === "POST" && !(status === 201 && headers["upload-complete"] !== "?1")) ||
  (method === "PATCH" && headers["upload-complete"] === "?1")

/** `undefined` for what is about no episode. Keeps in mind which upload was made for which. */
export const answerIn = (
  request: RequestHead,
  response: ResponseHead,
  bytes: Uint8Array,
  times: Pick<Answer, "arrivedAt" | "at">,
  traffic: Traffic
): Answer | undefined => {
  const about = aboutIn(request, traffic)
  if (about === undefined) return undefined
  const { method } = request
  const { location } = response.headers
  if (method === "POST" && response.status === 201 && location !== undefined) traffic.uploads.set(location, about)
  const text = new TextDecoder().decode(bytes)
  const body: unknown = text === "" ? undefined : JSON.parse(text)
  const said =
    typeof body === "object" && body !== null && "content_sha256" in body ? String(body.content_sha256) : undefined
  return {
    ...times,
    ...about,
    method,
    status: response.status,
    body,
    contentSha256: said ?? response.headers[CONTENT],
    isVerdict: isVerdict(method, response)
  }
}
