/** JSON from anybody. */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

/** Deeper than anything we exchange, and shallow enough for every walk over it. */
const DEEPEST = 100

const depthOf = (text: string): number => {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (inString) {
      if (character === "\\") at++
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === "[" || character === "{") deepest = Math.max(deepest, ++depth)
    else if (character === "]" || character === "}") depth--
  }
  return deepest
}

const parse = Option.liftThrowable((text: string): unknown => JSON.parse(text))

/** What the text says; `undefined` when it is no JSON. */
export const parseJson = (text: string): unknown => Option.getOrUndefined(parse(text))

/**
 * What the text says; `undefined` when it is no JSON. Of an object that is nested too deep to be walked or written again, the plain
 * members are left.
 */
export const parseForeignJson = (text: string): unknown => {
  const value = parseJson(text)
  if (depthOf(text) <= DEEPEST) return value
  return Predicate.isObject(value)
    ? Object.fromEntries(Object.entries(value).filter(([, member]) => !Predicate.isObjectOrArray(member)))
    : undefined
}
