/** A binary heap: the least first. */
export const makeHeap = <A>(before: (a: A, b: A) => boolean) => {
  const heap: Array<A> = []

  const push = (item: A): void => {
    let at = heap.push(item) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as A
      if (!before(item, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = item
  }

  const settle = (item: A): void => {
    const size = heap.length
    let at = 0
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && before(heap[child + 1] as A, heap[child] as A)) child++
      const below = heap[child] as A
      if (!before(below, item)) break
      heap[at] = below
      at = child
    }
    heap[at] = item
  }

  const pop = (): A | undefined => {
    const least = heap[0]
    const last = heap.pop()
    if (heap.length > 0 && last !== undefined) settle(last)
    return least
  }

  return { push, pop, peek: (): A | undefined => heap[0] }
}
