import type { Tracer } from "effect/Tracer"
import { make, NativeSpan } from "effect/Tracer"
import type { Random } from "./random.ts"

const digits = (random: Random, count: number): string =>
  Array.from({ length: count / 4 }, () => random.int(0x10000).toString(16).padStart(4, "0")).join("")

/** Effect's own spans, with ids that the seed gives. */
export const makeTracer = (random: Random): Tracer =>
  make({
    span: (options) => {
      const span = new NativeSpan(options)
      span._traceId = options.parent._tag === "Some" ? options.parent.value.traceId : digits(random, 32)
      span._spanId = digits(random, 16)
      return span
    }
  })
