import { expect, it } from "vitest"
import { BLOCK_BYTES, isOfLargeFile, makeBlock } from "../../src/block.ts"

it.each([
  [0, 0, false],
  [100, 100, false],
  [16 * BLOCK_BYTES - 1, BLOCK_BYTES, false],
  [16 * BLOCK_BYTES, BLOCK_BYTES, true]
])("for a file of %d bytes a block has %d; goes past the page cache: %s", (total, bytes, isLarge) => {
  const block = makeBlock(total)
  expect([block.length, isOfLargeFile(block)]).toEqual([bytes, isLarge])
  expect(isOfLargeFile(block.subarray(0, bytes - 1))).toBe(false)
})
