/** What orders and what is remembered have to do with each other. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { MemoryTrouble, Remembered } from "../services/AppliedTopology.ts"
import { type AgentProblem, olderGeneration } from "./problems.ts"

export const memoryUnavailable = ({ message }: MemoryTrouble): AgentProblem => ({
  problem: "memory-unavailable",
  error: `the agent's memory cannot be used: ${message}`,
  remediation: "on the lab host: cis490-agent doctor"
})

/** Unix seconds. */
export const nowSeconds = Effect.map(Clock.currentTimeMillis, (millis) => Math.floor(millis / 1000))

/** Two masters cannot fight: whoever has shown a higher generation is obeyed. */
export const unlessOlder = (
  { generation: highest }: Remembered,
  generation: number
): Effect.Effect<void, AgentProblem> =>
  generation < highest ? Effect.fail(olderGeneration(highest, generation)) : Effect.void

/** What an engine says may be long, and a master takes no more than it can read. */
const LONGEST = 4000

export const shortened = (words: string): string => (words.length > LONGEST ? `${words.slice(0, LONGEST)} …` : words)
