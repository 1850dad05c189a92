/** A refusal on the wire: an RFC 9457 problem document, the same shape whoever refuses. */
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { header, PROBLEM_MEDIA_TYPE } from "../domain/protocol.ts"

export interface Refusal {
  /** Stable, one per cause. */
  readonly name: string
  readonly status: number
  readonly title: string
  /** Where somebody has registered one for this cause. */
  readonly type?: string | undefined
  /** What is wrong, in words. */
  readonly error: string
  /** What to do about it. */
  readonly remediation?: string | undefined
  /** Seconds after which trying again makes sense. */
  readonly retryAfter?: number | undefined
  readonly members?: Readonly<Record<string, string | number | boolean | null>> | undefined
}

export const problemDocument = ({ error, members, name, remediation, status, title, type }: Refusal) => ({
  type: type ?? `urn:cis490:problem:${name}`,
  title,
  status,
  detail: error,
  error,
  ...(remediation === undefined ? {} : { remediation }),
  ...members
})

export const respondRefusal = (
  refusal: Refusal,
  headers: Readonly<Record<string, string>> = {}
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(JSON.stringify(problemDocument(refusal)), {
    status: refusal.status,
    contentType: PROBLEM_MEDIA_TYPE,
    headers: {
      ...headers,
      [header.problem]: refusal.name,
      ...(refusal.retryAfter === undefined
        ? {}
        : { "retry-after": String(Math.max(1, Math.ceil(refusal.retryAfter))) }),
      ...(refusal.status === 401 ? { "www-authenticate": 'Bearer realm="cis490"' } : {})
    }
  })
