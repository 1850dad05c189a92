import { randomBytes } from "node:crypto"

/** Crockford's base 32. */
const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
const digit = (value: number): string => DIGITS.charAt(value % 32)

/** 48 bits of time and 80 of chance (github.com/ulid/spec): names that sort by when they were made. */
export const ulid = (millis: number = Date.now()): string => {
  const time = Array.from({ length: 10 }, (_, place) => digit(Math.floor(millis / 32 ** (9 - place))))
  return [...time, ...Array.from(randomBytes(16), digit)].join("")
}
