import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { type Problem, SCHEMA_VERSION } from "../domain/protocol.ts"
import { json } from "./answers.ts"
import { Dataset } from "./Dataset.ts"
import { Intake } from "./intake.ts"
import { refuseIf, unlessTrouble } from "./questions.ts"

const unwell = (problem: Problem): Problem => ({
  ...problem,
  problem: "unavailable",
  members: { ...problem.members, ok: false }
})

/** `GET /v1/health`: whether an episode that came now could be stored. */
export const health = Effect.gen(function* () {
  const dataset = yield* Dataset
  const intake = yield* Intake
  yield* refuseIf(unlessTrouble(yield* dataset.trouble))
  yield* intake.roomFor(0)
  return json(200, {
    ok: true,
    schema_version: SCHEMA_VERSION,
    server_time: DateTime.formatIso(yield* DateTime.now)
  })
}).pipe(Effect.mapError(unwell))
