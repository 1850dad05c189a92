/**
 * Structured Fields (RFC 9651) as far as uploads need them: items that are an integer or a boolean, and dictionaries. A field that
 * came twice has both values, joined with a comma, so that it is no item; in a dictionary the later member wins.
 */

/** What a bare item says; of those that uploads do not use, only that they are there. */
export type BareItem = number | boolean | undefined

const INTEGER = "-?[0-9]{1,15}(?![0-9.])"
const BOOLEAN = "\\?[01]"
const STRING = '"(?:[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\["\\\\])*"'
/** Decimal, string, token, byte sequence, date, display string. */
const OTHER = `-?[0-9]{1,12}\\.[0-9]{1,3}(?![0-9])|${STRING}|[A-Za-z*][A-Za-z0-9!#$%&'*+.^_\`|~:/-]*|:[A-Za-z0-9+/=]*:|@${INTEGER}|%"(?:[\\x20\\x21\\x23\\x24\\x26-\\x7e]|%[0-9a-f]{2})*"`
const ANY = `(?:${INTEGER}|${BOOLEAN}|${OTHER})`
const KEY = "[a-z*][a-z0-9_.*-]*"
const PARAMETERS = `(?:; *${KEY}(?:=${ANY})?)*`
const INNER_LIST = `\\( *(?:${ANY}${PARAMETERS}(?: +(?=[^ )])| *(?=\\))))*\\)`

const ITEM = new RegExp(`^ *(${ANY})${PARAMETERS} *$`)
const MEMBER = new RegExp(`(${KEY})(?:=(?:(${ANY})|${INNER_LIST}))?${PARAMETERS}`, "y")
const SEPARATOR = /[ \t]*,[ \t]*(?=[^ \t])/y

const valueOf = (text: string | undefined): BareItem => {
  if (text === undefined) return undefined
  if (/^-?[0-9]+$/.test(text)) return Number(text)
  return text === "?1" ? true : text === "?0" ? false : undefined
}

/** The bare item of an item, its parameters not looked at; `undefined` where the field is no integer and no boolean. */
export const parseItem = (field: string): BareItem => valueOf(ITEM.exec(field)?.[1])

/** The members of a dictionary; `undefined` when it is none. A key without a value says `true`. */
export const parseDictionary = (field: string): ReadonlyMap<string, BareItem> | undefined => {
  const text = field.replaceAll(/^ +|(?<! ) +$/g, "")
  const members = new Map<string, BareItem>()
  let at = 0
  while (at < text.length) {
    MEMBER.lastIndex = at
    const [member = "", key, value] = MEMBER.exec(text) ?? []
    if (key === undefined) return undefined
    members.set(key, member[key.length] === "=" ? valueOf(value) : true)
    at += member.length
    if (at === text.length) break
    SEPARATOR.lastIndex = at
    const [separator] = SEPARATOR.exec(text) ?? []
    if (separator === undefined) return undefined
    at += separator.length
  }
  return members
}

export const formatInteger = (value: number): string => String(value)

export const formatBoolean = (value: boolean): string => (value ? "?1" : "?0")
