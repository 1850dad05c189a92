/** HTTP/1.1 as far as it matters here: heads, and bodies of a length that the head says. */

export interface RequestHead {
  readonly method: string
  /** Host and port, as in the URL. */
  readonly authority: string
  /** Path and query. */
  readonly target: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

export interface ResponseHead {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
}

/** Bytes of the body that follows; a request without a length has none. */
export const bodyBytes = ({ headers }: RequestHead | ResponseHead): number => Number(headers["content-length"] ?? 0)

export const answersWithoutBody = (method: string, status: number): boolean =>
  method === "HEAD" || status === 204 || status === 304
