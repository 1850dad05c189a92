/** By fingerprint: whether there is a stored file, and where the standing row begins. Some 40 bytes a name. */

const NO_ROW = -1
const FIRST_SLOTS = 1 << 16

interface Slots {
  /** 0 is an empty slot. */
  readonly keys: Float64Array
  readonly rows: Float64Array
  /** The host it lies under, counted from 1; 0 without a file. */
  readonly files: Uint32Array
}

const slots = (count: number): Slots => ({
  keys: new Float64Array(count),
  rows: new Float64Array(count).fill(NO_ROW),
  files: new Uint32Array(count)
})

/** Where a key is, or belongs: the next slot that is its own or empty. */
const slotOf = ({ keys }: Slots, key: number): number => {
  const mask = keys.length - 1
  let at = key & mask
  while (keys[at] !== 0 && keys[at] !== key) at = (at + 1) & mask
  return at
}

const move = (from: Slots, to: Slots): void => {
  for (let at = 0; at < from.keys.length; at++) {
    const key = from.keys[at] ?? 0
    if (key === 0) continue
    const place = slotOf(to, key)
    to.keys[place] = key
    to.rows[place] = from.rows[at] ?? NO_ROW
    to.files[place] = from.files[at] ?? 0
  }
}

export interface Entry {
  /** Where the row begins in the index; `undefined` without one. */
  readonly row: number | undefined
  /** The host that the file lies under, as it was counted; `undefined` without one. */
  readonly file: number | undefined
}

export const makeLedger = () => {
  let table = slots(FIRST_SLOTS)
  let used = 0

  /** The slot of a key, in a table that has room for it. */
  const enter = (key: number): number => {
    if (used * 2 >= table.keys.length) {
      const larger = slots(table.keys.length * 2)
      move(table, larger)
      table = larger
    }
    const at = slotOf(table, key)
    if (table.keys[at] === 0) {
      table.keys[at] = key
      used++
    }
    return at
  }

  return {
    /** `host` counts from 0. */
    addFile: (key: number, host: number): void => {
      const at = enter(key)
      table.files[at] = host + 1
    },
    setRow: (key: number, offset: number): void => {
      const at = enter(key)
      table.rows[at] = offset
    },
    dropRow: (key: number): void => {
      const at = enter(key)
      table.rows[at] = NO_ROW
    },
    at: (key: number): Entry => entryAt(table, slotOf(table, key)),
    /** Every name that has a row or a file. */
    each: (take: (entry: Entry) => void): void => {
      for (let at = 0; at < table.keys.length; at++) if (table.keys[at] !== 0) take(entryAt(table, at))
    }
  }
}
export type Ledger = ReturnType<typeof makeLedger>

const entryAt = ({ files, rows }: Slots, at: number): Entry => {
  const row = rows[at] ?? NO_ROW
  const host = files[at] ?? 0
  return { row: row === NO_ROW ? undefined : row, file: host === 0 ? undefined : host - 1 }
}
