/** A promise was not kept. */
export class Violation extends Error {
  /** In a few words, the same for every run that breaks it. */
  readonly promise: string
  constructor(promise: string, what: string) {
    super(`${promise}: ${what}`)
    this.name = "Violation"
    this.promise = promise
  }
}
