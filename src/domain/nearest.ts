/** How many letters must be added, taken away or changed to make one word the other (Levenshtein). */
const distance = (from: string, to: string): number => {
  let previous = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (const [i, letter] of Array.from(from).entries()) {
    const row = [i + 1]
    for (let j = 0; j < to.length; j++) {
      const change = (previous[j] ?? 0) + (letter === to[j] ? 0 : 1)
      row.push(Math.min(change, (previous[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1))
    }
    previous = row
  }
  return previous[to.length] ?? 0
}

/** The candidate that was probably meant; `undefined` when none is close. */
export const nearest = (word: string, candidates: ReadonlyArray<string>): string | undefined => {
  // Far longer than any name we know: not a slip of the finger, and dear to compare.
  if (word.length > 100) return undefined
  const [best] = candidates
    .map((candidate) => ({ candidate, away: distance(word, candidate) }))
    .filter(({ candidate, away }) => away <= Math.max(1, Math.floor(candidate.length / 3)))
    .toSorted((a, b) => a.away - b.away)
  return best?.candidate
}
