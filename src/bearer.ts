import * as Result from "effect/Result"
import type { Sha256 } from "./domain/names.ts"

/** The token in an `Authorization` field; else, in words, why there is none. */
export const bearerIn = (authorization: string | undefined): Result.Result<string, string> => {
  if (authorization === undefined) return Result.fail("no token was sent")
  const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1]
  return token === undefined ? Result.fail("Authorization is not `Bearer <token>`") : Result.succeed(token)
}

/** Takes as long wherever the first difference is. */
export const sameDigest = (a: Sha256, b: Sha256): boolean => {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return difference === 0
}
