/** When a list of revoked certificates runs out: the one thing we read of it (RFC 5280, 5.1; X.690 for its bytes). */

interface Value {
  readonly tag: number
  /** Where what is in it begins and ends. */
  readonly from: number
  readonly to: number
}

const INTEGER = 0x02
const UTC_TIME = 0x17
const GENERALIZED_TIME = 0x18

/** The value that begins at `at`; `undefined` when it goes beyond the bytes, or is longer than any list. */
const valueAt = (bytes: Uint8Array, at: number): Value | undefined => {
  const [tag, first] = [bytes[at], bytes[at + 1]]
  if (tag === undefined || first === undefined) return undefined
  const more = first < 0x80 ? 0 : first - 0x80
  if (more > 4) return undefined
  let length = first < 0x80 ? first : 0
  for (let i = 0; i < more; i++) length = length * 256 + (bytes[at + 2 + i] ?? 0)
  const from = at + 2 + more
  return from + length <= bytes.length ? { tag, from, to: from + length } : undefined
}

/** What is in a value, one after the other. */
const partsOf = (bytes: Uint8Array, whole: Value | undefined): ReadonlyArray<Value> => {
  const parts: Array<Value> = []
  for (let part = whole && valueAt(bytes, whole.from); part !== undefined && parts.length < 10; ) {
    parts.push(part)
    part = whole !== undefined && part.to < whole.to ? valueAt(bytes, part.to) : undefined
  }
  return parts
}

const TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/

/** Two digits stand for the years from 1950 on. */
const timeOf = (bytes: Uint8Array, { from, tag, to }: Value): number => {
  const text = new TextDecoder().decode(bytes.subarray(from, to))
  const whole = tag === UTC_TIME ? `${Number(text.slice(0, 2)) < 50 ? 20 : 19}${text}` : text
  return Date.parse(whole.replace(TIME, "$1-$2-$3T$4:$5:$6Z"))
}

const BLOCK = /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/g

const bytesOf = (base64: string): Uint8Array => {
  try {
    return Uint8Array.from(atob(base64.replaceAll(/\s/g, "")), (character) => character.charCodeAt(0))
  } catch {
    return new Uint8Array()
  }
}

const nextUpdate = (base64: string): number | "never" | undefined => {
  const bytes = bytesOf(base64)
  const [list] = partsOf(bytes, valueAt(bytes, 0))
  const parts = partsOf(bytes, list).filter(({ tag }) => tag !== INTEGER)
  // The algorithm, the issuer, then when it was made and when the next one is due.
  const [, , made, next] = parts
  if (made === undefined || Number.isNaN(timeOf(bytes, made))) return undefined
  if (next === undefined || (next.tag !== UTC_TIME && next.tag !== GENERALIZED_TIME)) return "never"
  const due = timeOf(bytes, next)
  return Number.isNaN(due) ? undefined : due
}

/** Of every list in a PEM file, when it runs out (milliseconds since 1970), or `"never"`; `undefined` for one that is broken. */
export const runOuts = (pem: string): ReadonlyArray<number | "never" | undefined> =>
  [...pem.matchAll(BLOCK)].map(([, base64 = ""]) => nextUpdate(base64))
