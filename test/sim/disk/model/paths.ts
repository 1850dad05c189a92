/** Few names, so that they meet. */
import * as fc from "fast-check"
import type { OpenFlags } from "../disk.ts"
import { isRoot } from "./user.ts"

const name = fc.constantFrom("a", "b", "c")
/** At most one step upwards: what is above the top is the same on both sides, one level far. */
export const relative = fc.oneof(
  { weight: 6, arbitrary: fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/")) },
  { weight: 1, arbitrary: fc.tuple(name, name).map(([a, b]) => `${a}/../${b}`) },
  { weight: 1, arbitrary: fc.tuple(name, fc.constantFrom("/", "/.", "/..", "/./a")).map((parts) => parts.join("")) }
)
export const target = fc.oneof(
  name,
  fc.tuple(name, name).map((names) => names.join("/")),
  fc.constantFrom(".", "a/", "./b", "none")
)
export const text = fc.stringMatching(/^[xyz]{0,9}$/)
export const mode = isRoot
  ? fc.constantFrom(0o700, 0o755, 0o500, 0o300, 0o000, 0o600, 0o400, 0o200)
  : fc.constant(0o700)
export const flags: fc.Arbitrary<OpenFlags> = fc
  .record({
    read: fc.boolean(),
    write: fc.boolean(),
    append: fc.boolean(),
    create: fc.boolean(),
    exclusive: fc.boolean(),
    truncate: fc.boolean(),
    noFollow: fc.boolean()
  })
  .map((all) => ({
    ...all,
    // What Linux leaves unspecified, or needs a way to write for.
    read: all.read || !all.write,
    truncate: all.truncate && all.write,
    exclusive: all.exclusive && all.create
  }))
