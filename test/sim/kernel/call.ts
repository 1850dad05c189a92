/** What a simulated program asks of the world, and what becomes of it. */
import type { Process } from "./process.ts"

export interface Call {
  readonly service: "fs" | "volume" | "net" | "notify" | "lookup" | "orders"
  readonly method: string
  readonly target: string
  /** Whether it may leave something that others can see. */
  readonly mutates: boolean
}

export type Fault =
  /** Not done, and reported failed (ENOSPC, EIO, EACCES, EMFILE…). */
  | { readonly _tag: "Fail"; readonly code: string }
  /** Done, and reported failed. */
  | { readonly _tag: "FailAfter"; readonly code: string }
  /** The process ends in the middle of it; with `power` its whole machine. */
  | { readonly _tag: "Crash"; readonly when: "before" | "after"; readonly how: "kill" | "power" }

export interface Fate {
  readonly latencyMillis: number
  readonly fault?: Fault
}

/** Asked once for every call, when it begins. */
export type Decide = (process: Process, call: Call) => Fate

/** Told at the instant in which a call was done, whatever is reported of it. */
export type Performed = (process: Process, call: Call) => void
