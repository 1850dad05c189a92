/** What may happen to one connection on its way; decided once, when it is made. */
import type { Process } from "../kernel/process.ts"
import type { RequestHead, ResponseHead } from "./message.ts"
import type { Link } from "./pipe.ts"

/** Somebody who wants to be connected, and what for. */
export interface Attempt {
  readonly from: Process
  /** Of the URL. */
  readonly host: string
  readonly port: number
  readonly request: RequestHead
  /** Counts all attempts of this world, from 1. */
  readonly number: number
}

/**
 * When it happens: `before` anything of the request arrives; after this `share` of its body; so many `millis` after it was made, whatever
 * is under way then; `after` all of it, when nobody has answered yet; `answer`: when the answer comes, so that the sender never learns
 * what became of it.
 */
export type When = "before" | { readonly share: number } | { readonly millis: number } | "after" | "answer"

/** What something in between says in the receiver's place. */
export interface Answer extends ResponseHead {
  readonly body: string
}

export type Trouble =
  /** Nobody listens there (RST to the SYN). */
  | { readonly _tag: "Refused" }
  /** Nothing comes back at all: ten seconds, then the client gives up. */
  | { readonly _tag: "Unreachable" }
  | { readonly _tag: "UnknownHost" }
  | { readonly _tag: "Cut"; readonly when: When; readonly how: "reset" | "close" }
  /** From then on nothing moves, in neither direction, and nobody is told. */
  | { readonly _tag: "Stalled"; readonly when: When }
  /** One byte of the body arrives as another; this share of the body comes before it. */
  | { readonly _tag: "Corrupted"; readonly share: number }
  /** Of the answer's body so many bytes come, then the end. */
  | { readonly _tag: "Truncated"; readonly bytes: number }
  /** So long after the whole request was sent it arrives once more, by another connection, whose answer nobody gets. */
  | { readonly _tag: "Duplicated"; readonly afterMillis: number }
  /** A proxy answers: at the head, after the body, or after it had the receiver take it in and threw its answer away. */
  | { readonly _tag: "Answered"; readonly answer: Answer; readonly when: "head" | "body" | "receiver" }
  /** What comes back is no HTTP. */
  | { readonly _tag: "Garbled" }

export interface Passage {
  /** Where it is other than usual: a slow or a long way. */
  readonly link?: Partial<Link>
  readonly trouble?: Trouble
}

export type DecidePassage = (attempt: Attempt) => Passage
