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
}

/** A list of commits that the source gave: what it was asked for from `askedAt` on. */
export interface Window {
  readonly askedAt: number
  readonly commits: ReadonlyArray<string>
}

export interface Traffic {
  readonly sent: Array<Sent>
  readonly answers: Array<Answer>
  readonly windows: Array<Window>
}

export const makeTraffic = (): Traffic => ({ sent: [], answers: [], windows: [] })

/** The newest `window` commits when the head of the branch is `head`. */
export const windowAt = (head: number, window: number): ReadonlyArray<string> =>
  Array.from({ length: Math.min(window, head + 1) }, (_, i) => commitAt(head - i))

/** `/v1/episodes/<host>/<id>`. */
const episodeIn = (url: string): { readonly host: string; readonly id: string } | undefined => {
  const [, host, id] = /\/v1\/episodes\/([^/?]+)\/([^/?]+)$/.exec(url) ?? []
  return host === undefined || id === undefined ? undefined : { host, id }
}

const CONTENT = "x-cis490-content-sha256"

/** `undefined` for what is about no episode. */
export const sentIn = ({ headers, method, target }: RequestHead, at: number): Sent | undefined => {
  const episode = episodeIn(target)
  return episode && { at, method, ...episode, contentSha256: headers[CONTENT] }
}

export const answerIn = (
  { headers, method, target }: RequestHead,
  response: ResponseHead,
  bytes: Uint8Array,
  times: Pick<Answer, "arrivedAt" | "at">
): Answer | undefined => {
  const episode = episodeIn(target)
  if (episode === undefined) return undefined
  const text = new TextDecoder().decode(bytes)
  const body: unknown = text === "" ? undefined : JSON.parse(text)
  const said =
    typeof body === "object" && body !== null && "content_sha256" in body ? String(body.content_sha256) : undefined
  return {
    ...times,
    ...episode,
    method,
    commit: headers["x-cis490-code-commit"],
    status: response.status,
    body,
    contentSha256: said ?? response.headers[CONTENT]
  }
}
