/** Sound input that came to harm: cut, spliced, overwritten, repeated, at any place. */
import * as fc from "fast-check"

/** What strings and bytes have in common. */
interface Kind<S extends { readonly length: number }> {
  readonly slice: (whole: S, from: number, to?: number) => S
  readonly join: (...parts: ReadonlyArray<S>) => S
}

const bytesKind: Kind<Uint8Array> = {
  slice: (whole, from, to) => whole.subarray(from, to),
  join: (...parts) => new Uint8Array(Buffer.concat(parts))
}
const textKind: Kind<string> = {
  slice: (whole, from, to) => whole.slice(from, to),
  join: (...parts) => parts.join("")
}

const place = fc.nat()
const stretch = fc.oneof({ arbitrary: fc.integer({ min: 1, max: 16 }), weight: 3 }, fc.nat({ max: 2048 }))

const edits = <S extends { readonly length: number }>({ join, slice }: Kind<S>, piece: fc.Arbitrary<S>) => {
  const at = (whole: S, place: number): number => place % (whole.length + 1)
  return fc.oneof(
    place.map((p) => (whole: S) => slice(whole, 0, at(whole, p))),
    place.map((p) => (whole: S) => slice(whole, at(whole, p))),
    fc.tuple(place, stretch).map(
      ([p, n]) =>
        (whole: S) =>
          join(slice(whole, 0, at(whole, p)), slice(whole, at(whole, p) + n))
    ),
    fc.tuple(place, piece).map(
      ([p, more]) =>
        (whole: S) =>
          join(slice(whole, 0, at(whole, p)), more, slice(whole, at(whole, p)))
    ),
    fc.tuple(place, piece).map(
      ([p, other]) =>
        (whole: S) =>
          join(slice(whole, 0, at(whole, p)), other, slice(whole, at(whole, p) + other.length))
    ),
    fc.tuple(place, stretch, fc.integer({ min: 1, max: 3 })).map(
      ([p, n, times]) =>
        (whole: S) =>
          join(
            slice(whole, 0, at(whole, p)),
            ...Array.from({ length: times }, () => slice(whole, at(whole, p), at(whole, p) + n)),
            slice(whole, at(whole, p))
          )
    ),
    fc.tuple(place, place, stretch).map(([p, q, n]) => (whole: S) => {
      const moved = slice(whole, at(whole, p), at(whole, p) + n)
      const rest = join(slice(whole, 0, at(whole, p)), slice(whole, at(whole, p) + n))
      return join(slice(rest, 0, at(rest, q)), moved, slice(rest, at(rest, q)))
    })
  )
}

const mutated = <S extends { readonly length: number }>(
  kind: Kind<S>,
  sound: fc.Arbitrary<S>,
  piece: fc.Arbitrary<S>
) =>
  fc
    .tuple(
      sound,
      sound,
      fc.array(edits(kind, piece), { minLength: 1, maxLength: 4 }),
      fc.option(fc.tuple(place, place))
    )
    .map(([first, second, changes, splice]) => {
      const harmed = changes.reduce((whole, change) => change(whole), first)
      if (splice === null) return harmed
      const [p, q] = splice
      return kind.join(kind.slice(harmed, 0, p % (harmed.length + 1)), kind.slice(second, q % (second.length + 1)))
    })

export const anyBytes = fc.uint8Array({ maxLength: 4096 })

export const mutatedBytes = (sound: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  mutated(
    bytesKind,
    sound,
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 8 }),
      fc.constantFrom(new Uint8Array(512), Uint8Array.of(0xff), Uint8Array.of(0), new TextEncoder().encode("\ufeff\n"))
    )
  )

/** What has a meaning to somebody. */
const WORDS = [
  ..."\0\n\r\t\u001b\ufeff\ufffd\u2028\ud800\udfff{}[]()\"'`\\/:;,.~%?#&=<>+-_* 09aZé𝕏",
  "\r\n",
  "/../",
  "/./",
  "//",
  "\\n",
  "\\u0000",
  "__proto__",
  "constructor",
  "toString",
  "null",
  "true",
  "NaN",
  "Infinity",
  "1e999",
  "-1",
  "99999999999999999999",
  " ".repeat(300),
  "9".repeat(400),
  "[".repeat(3000),
  '{"a":'.repeat(3000)
]
const word = fc.constantFrom(...WORDS)

export const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.string({ maxLength: 200 }),
  fc.array(word, { maxLength: 20 }).map((words) => words.join(""))
)

export const mutatedText = (sound: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  mutated(textKind, sound, fc.oneof(word, fc.string({ maxLength: 8 }), fc.string({ unit: "binary", maxLength: 4 })))

/** The same bytes in pieces, cut anywhere. */
export const inPiecesOf = (bytes: Uint8Array, cuts: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b)
  return places.slice(1).map((to, i) => bytes.subarray(places[i], to))
}
export const cuts = fc.oneof(fc.array(place, { maxLength: 12 }), fc.array(fc.nat({ max: 2048 }), { maxLength: 40 }))

/** Sound, harmed and senseless, in the measure that finds most. */
export const bytesNear = (sound: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.oneof({ arbitrary: mutatedBytes(sound), weight: 6 }, { arbitrary: sound, weight: 1 }, anyBytes)
export const textNear = (sound: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof({ arbitrary: mutatedText(sound), weight: 6 }, { arbitrary: sound, weight: 1 }, anyText)

/** JSON that is no longer what was meant: members taken away, renamed, of another type. */
export const jsonNear = (sound: fc.Arbitrary<object>): fc.Arbitrary<string> => {
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom<unknown>(null, 0, -1, 0.5, 1e308, 2 ** 53, "", [], {}, true))
  const changed = fc
    .tuple(sound, fc.array(fc.tuple(place, fc.option(value), fc.constantFrom("", "__proto__", "x")), { maxLength: 3 }))
    .map(([object, changes]) => {
      const entries: Array<[string, unknown]> = Object.entries(object)
      for (const [p, value, name] of changes) {
        const [key] = entries[p % Math.max(1, entries.length)] ?? ["x"]
        if (value === null) entries.splice(p % Math.max(1, entries.length), 1)
        else entries.push([name === "" ? key : name, value])
      }
      // By hand, so that a name may stand twice.
      return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`
    })
  return fc.oneof(textNear(sound.map((object) => JSON.stringify(object))), { arbitrary: changed, weight: 2 })
}
