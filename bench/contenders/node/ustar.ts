/** Just enough of ustar for the framework-free pair: short names of regular files. */
const BLOCK = 512
const encoder = new TextEncoder()

export const END: Uint8Array = new Uint8Array(2 * BLOCK)
export const padding = (size: number): Uint8Array => new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK)

const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`

/** `mtime` in seconds. */
export const header = (name: string, size: number, mtime: number): Uint8Array => {
  const block = new Uint8Array(BLOCK)
  const put = (text: string, offset: number): void => void encoder.encodeInto(text, block.subarray(offset))
  put(name, 0)
  put(octal(0o644, 7), 100)
  put(octal(0, 7), 108)
  put(octal(0, 7), 116)
  put(octal(size, 11), 124)
  put(octal(mtime, 11), 136)
  put("        0", 148)
  put("ustar\u000000", 257)
  put(
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      6
    )} `,
    148
  )
  return block
}
