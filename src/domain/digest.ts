import * as Base64 from "effect/encoding/Base64"
import * as Hex from "effect/encoding/Hex"
import * as Result from "effect/Result"
import { isSha256, type Sha256 } from "./names.ts"

/** `Repr-Digest` of RFC 9530 with the one algorithm we speak: `sha-256=:<base64>:`. */
export const formatReprDigest = (sha256: Sha256): string =>
  `sha-256=:${Base64.encode(Result.getOrThrow(Hex.decode(sha256)))}:`

/**
 * The SHA-256 in a `Repr-Digest` field, or `undefined` when the field does not carry exactly one well-formed `sha-256`.
 * Other algorithms beside it are allowed and ignored (RFC 9530, section 2).
 */
export const parseReprDigest = (field: string): Sha256 | undefined => {
  const found = field
    .split(",")
    .map((member) => /^\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*$/.exec(member)?.[1])
    .filter((base64) => base64 !== undefined)
  if (found.length !== 1) return undefined
  const bytes = Result.getOrUndefined(Base64.decode(found[0] ?? ""))
  if (bytes === undefined || bytes.length !== 32) return undefined
  const hex = Hex.encode(bytes)
  return isSha256(hex) ? hex : undefined
}
