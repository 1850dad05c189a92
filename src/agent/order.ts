/**
 * What a master asks for. There is no other way to an order than from a request that has come in: what is remembered is of another
 * type, and nothing turns it into one, so that it can never be applied.
 */
import * as Effect from "effect/Effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Result from "effect/Result"
import { digestText } from "../digestText.ts"
import { parseForeignJson } from "../domain/json.ts"
import type { Sha256 } from "../domain/names.ts"
import type { Hydrated } from "../domain/topology/hydrated.ts"
import { versionHash } from "../domain/topology/versionHash.ts"
import { type ApplyRequest, decodeApply, decodeTeardown, type TeardownRequest } from "../domain/topology/wire.ts"
import { readText } from "./body.ts"
import { type AgentProblem, malformed } from "./problems.ts"

type Decode<A> = (body: unknown) => Result.Result<A, ReadonlyArray<string>>

const receive = Effect.fnUntraced(function* <A>(request: HttpServerRequest, decode: Decode<A>) {
  const body = parseForeignJson(yield* readText(request))
  if (body === undefined) return yield* Effect.fail(malformed(["the body is no JSON"]))
  return yield* Effect.fromResult(Result.mapError(decode(body), malformed))
})

const otherHash = (yours: Sha256, ours: Sha256): AgentProblem => ({
  problem: "hash-mismatch",
  error: `version_hash ${yours} is not that of the topology, which is ${ours}`,
  members: { version_hash: ours, your_version_hash: yours }
})

/** A topology to be applied now. Its version hash is that of its content. */
export class ApplyOrder {
  readonly #request: ApplyRequest

  private constructor(request: ApplyRequest) {
    this.#request = request
  }

  static readonly receive = Effect.fnUntraced(function* (request: HttpServerRequest) {
    const asked = yield* receive(request, decodeApply)
    const hash = versionHash(asked.hydrated, yield* digestText)
    const ours = yield* Effect.fromResult(Result.mapError(hash, (why) => malformed([why])))
    if (ours !== asked.version_hash) return yield* Effect.fail(otherHash(asked.version_hash, ours))
    return new ApplyOrder(asked)
  })

  get hydrated(): Hydrated {
    return this.#request.hydrated
  }
  get topologyId(): string {
    return this.#request.hydrated.topology.id
  }
  get versionHash(): Sha256 {
    return this.#request.version_hash
  }
  get generation(): number {
    return this.#request.generation
  }
}

/** A topology to be torn down now. */
export class TeardownOrder {
  readonly #request: TeardownRequest

  private constructor(request: TeardownRequest) {
    this.#request = request
  }

  static readonly receive = Effect.fnUntraced(function* (request: HttpServerRequest) {
    return new TeardownOrder(yield* receive(request, decodeTeardown))
  })

  get topologyId(): string {
    return this.#request.topology_id
  }
  get generation(): number {
    return this.#request.generation
  }
}
