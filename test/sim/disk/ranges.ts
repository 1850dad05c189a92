/** Some of the bytes of a file: half-open ranges, sorted, apart from each other. */
type Range = readonly [from: number, to: number]

export class Ranges {
  #ranges: Array<Range> = []

  get isEmpty(): boolean {
    return this.#ranges.length === 0
  }

  [Symbol.iterator](): Iterator<Range> {
    return this.#ranges[Symbol.iterator]()
  }

  add(from: number, to: number): void {
    if (from >= to) return
    const last = this.#ranges.at(-1)
    if (last === undefined || last[1] < from) {
      this.#ranges.push([from, to])
      return
    }
    const apart = this.#ranges.filter(([a, b]) => b < from || to < a)
    const met = this.#ranges.filter(([a, b]) => b >= from && to >= a)
    const merged: Range = [Math.min(from, ...met.map(([a]) => a)), Math.max(to, ...met.map(([, b]) => b))]
    this.#ranges = [...apart, merged].toSorted((x, y) => x[0] - y[0])
  }

  subtract(from: number, to: number): void {
    if (this.#ranges.length === 0) return
    this.#ranges = this.#ranges.flatMap(([a, b]): ReadonlyArray<Range> => {
      if (b <= from || to <= a) return [[a, b]]
      const left: Range = [a, Math.min(b, from)]
      const right: Range = [Math.max(a, to), b]
      return [left, right].filter(([x, y]) => x < y)
    })
  }

  clear(): void {
    if (this.#ranges.length > 0) this.#ranges = []
  }
}
