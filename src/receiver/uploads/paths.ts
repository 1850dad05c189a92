/** Where uploads that may be resumed lie: `incoming/uploads/<token>.part`, and beside it `<token>.json`, which says how much of it counts. */
import { isUploadToken, type UploadToken } from "../../domain/upload/token.ts"

export const uploadsDirectory = (incomingRoot: string): string => `${incomingRoot}/uploads`

export const dataPath = (directory: string, token: UploadToken): string => `${directory}/${token}.part`

export const statePath = (directory: string, token: UploadToken): string => `${directory}/${token}.json`

/** Of a state that is being written (`Durable.write`). */
export const draftPath = (directory: string, token: UploadToken): string => `${statePath(directory, token)}.tmp`

export interface Entry {
  readonly token: UploadToken
  /** `draft`: of a state that was being written. */
  readonly kind: "data" | "state" | "draft"
}

const KINDS: Readonly<Record<string, Entry["kind"]>> = { part: "data", json: "state", "json.tmp": "draft" }

/** `undefined` for a name that is none of ours. */
export const parseEntry = (name: string): Entry | undefined => {
  const dot = name.indexOf(".")
  const [token, extension] = [name.slice(0, dot), name.slice(dot + 1)]
  const kind = Object.hasOwn(KINDS, extension) ? KINDS[extension] : undefined
  return dot > 0 && kind !== undefined && isUploadToken(token) ? { token, kind } : undefined
}
