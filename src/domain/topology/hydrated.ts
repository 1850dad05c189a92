/** What a host is told to run, as the operator writes it. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { complaints } from "./complaints.ts"
import { faultsIn } from "./faults.ts"

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** Part of the names of what the engine runs: 1 to 64 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit. */
const Name = Schema.String.check(
  Schema.isPattern(NAME, { message: "1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit" })
)

/** A whole well-formed string: what else has no hash. */
const Text = (longest: number) =>
  Schema.String.check(
    Schema.makeFilter((text) =>
      text.isWellFormed() && !text.includes("\0") ? undefined : "text without broken characters"
    ),
    Schema.isMaxLength(longest)
  )

/** A member that is null says as much as one that is absent. */
const perhaps = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const HOST_PART = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
const PATH_PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"

/** `[host[:port]/]path[:tag][@digest]`, as Docker takes it (pkg.go.dev/github.com/distribution/reference), at most 512 characters. */
const IMAGE = new RegExp(
  `^(?=.{1,512}$)(?:${HOST_PART}(?:\\.${HOST_PART})*(?::[0-9]{1,5})?/)?${PATH_PART}(?:/${PATH_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`
)

const Image = Schema.String.check(
  Schema.isPattern(IMAGE, {
    message:
      "the name of an image, such as busybox:1.36 or registry.example:5000/lab/web:1, with its path in lower case"
  })
)

/** `__proto__` is no variable: objects that hold it are not what they seem. */
const Variable = Schema.String.check(
  Schema.isPattern(/^(?!__proto__$)[A-Za-z_][A-Za-z0-9_.-]{0,255}$/, { message: "the name of a variable" })
)

const Lan = Schema.Struct({
  name: Name,
  /** IPv4, `10.1.0.0/24`. */
  subnet: Schema.String,
  /** Reaches beyond the host; any other LAN is internal. */
  is_dmz: Schema.Boolean
})
export type Lan = typeof Lan.Type

const Attachment = Schema.Struct({ lan: Name, ip: perhaps(Schema.String) })

const Decky = Schema.Struct({
  name: Name,
  image: Image,
  /** Program and arguments, or one line for `/bin/sh -c`; the image's own if not said. */
  command: perhaps(Schema.Union([Text(65_536), Schema.NonEmptyArray(Text(65_536))])),
  env: perhaps(Schema.Record(Variable, Text(65_536))),
  /** Empty: no network at all. */
  networks: Schema.Array(Attachment)
})
export type Decky = typeof Decky.Type

const Shape = Schema.Struct({
  topology: Schema.Struct({ id: Name, name: Text(256) }),
  lans: Schema.Array(Lan),
  deckies: Schema.Array(Decky)
})

/** A topology that can be run as far as it says itself; other members than these are refused. */
export type Hydrated = typeof Shape.Type

const decodeShape = Schema.decodeUnknownResult(Shape, { errors: "all", onExcessProperty: "error" })

/** The topology, or everything that is wrong with it, each in words. */
export const decodeHydrated = (value: unknown): Result.Result<Hydrated, ReadonlyArray<string>> =>
  decodeShape(value).pipe(
    Result.mapError((error) => complaints(error.issue)),
    Result.flatMap((hydrated) => {
      const faults = faultsIn(hydrated)
      return faults.length === 0 ? Result.succeed(hydrated) : Result.fail(faults)
    })
  )

/** Program and arguments; `undefined` where the image's own is meant. */
export const commandOf = ({ command }: Decky): ReadonlyArray<string> | undefined => {
  if (command === undefined || command === null) return undefined
  return typeof command === "string" ? ["/bin/sh", "-c", command] : command
}
