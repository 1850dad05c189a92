import type * as Undici from "@effect/platform-node/Undici"

type Handler = Undici.Dispatcher.DispatchHandler
type Controller = Undici.Dispatcher.DispatchController
type RawHeaders = Parameters<NonNullable<Handler["onResponseStart"]>>[2]

/** So much of an answer waits for its reader before no more is taken from the connection. */
const ROOM_BYTES = 64 * 1024

export interface Listener {
  /** How the answer begins. */
  readonly onHead: (status: number, headers: RawHeaders) => void
  /** Why there is none. */
  readonly onFailure: (cause: unknown) => void
  /** All of it has come, or nothing will come any more: nor is more of the request sent. */
  readonly onEnd: () => void
}

/**
 * One answer as undici hands it over. Who waits for it goes on when undici's parser has returned: it would find the connection
 * still busy.
 */
export class Arrival implements Handler {
  readonly #listener: Listener
  #controller: Controller | undefined
  #hasBegun = false
  #isOver = false
  #cause: unknown
  #pieces: Array<Uint8Array> = []
  #bytes = 0
  #look: (() => void) | undefined
  #givenUp: Error | undefined

  constructor(listener: Listener) {
    this.#listener = listener
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller
    if (this.#givenUp) controller.abort(this.#givenUp)
  }

  onResponseStart(_: Controller, status: number, headers: RawHeaders): void {
    if (status < 200) return
    this.#hasBegun = true
    queueMicrotask(() => this.#listener.onHead(status, headers))
  }

  onResponseData(controller: Controller, piece: Uint8Array): void {
    this.#pieces.push(piece)
    this.#bytes += piece.length
    if (this.#bytes > ROOM_BYTES) controller.pause()
    this.#wake()
  }

  onResponseEnd(): void {
    this.#end()
  }

  onResponseError(_: Controller | null, cause: unknown): void {
    this.#cause = cause
    if (!this.#hasBegun) queueMicrotask(() => this.#listener.onFailure(cause))
    this.#end()
  }

  /** Everything has come, or nothing will come any more. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Why it was cut short. */
  get cause(): unknown {
    return this.#cause
  }

  /** What has come since the last time. */
  take(): Array<Uint8Array> {
    const pieces = this.#pieces
    this.#pieces = []
    this.#bytes = 0
    this.#controller?.resume()
    return pieces
  }

  /** Looks again when more has come, or it is over. */
  whenMore(look: () => void): void {
    this.#look = look
  }

  /** Nobody wants it any more: a connection that is not through with it is closed. */
  giveUp(): void {
    if (this.#isOver || this.#givenUp) return
    this.#givenUp = new Error("nobody waits for the answer any more")
    this.#controller?.abort(this.#givenUp)
  }

  #end(): void {
    this.#isOver = true
    this.#listener.onEnd()
    this.#wake()
  }

  #wake(): void {
    if (this.#look) queueMicrotask(this.#look)
    this.#look = undefined
  }
}
