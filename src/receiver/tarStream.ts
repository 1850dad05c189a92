import { BLOCK, padding } from "../domain/tar.ts"
import { MAX_PAX_BYTES, type PaxRecords, parseHeader, parsePax, type TarHeader } from "../domain/tarReader.ts"

/** What reads the members. Words stop the reading. */
export interface MemberReader {
  readonly begin: (header: TarHeader) => string | undefined
  /** Bytes of the member that began last; not to be kept. */
  readonly data: (bytes: Uint8Array) => void
  /** Every byte of it has been seen. */
  readonly finish: () => void
}

export interface TarStream {
  /** What is wrong, in words. Nothing may be pushed after that. */
  readonly push: (bytes: Uint8Array) => string | undefined
  /** What is wrong with the whole, in words. */
  readonly end: () => string | undefined
}

const isZero = (bytes: Uint8Array): boolean => {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}

/** Follows a tar fed in pieces of any size. It holds one header and nothing of what the members hold. */
export const makeTarStream = (members: MemberReader): TarStream => {
  const held = new Uint8Array(BLOCK)
  let filled = 0
  let zeroBlocks = 0
  let dataLeft = 0
  let paddingLeft = 0
  let pax: PaxRecords | undefined
  /** The pax header being read, as its bytes come. */
  let paxBytes: Uint8Array | undefined

  const onHeader = (block: Uint8Array): string | undefined => {
    if (isZero(block)) {
      if (pax !== undefined) return "a pax header stands before no member"
      zeroBlocks++
      return undefined
    }
    if (zeroBlocks > 0) return "a zero block between members"
    const header = parseHeader(block, pax)
    if (typeof header === "string") return header
    if (header.type === "pax" && header.size > MAX_PAX_BYTES) return `a pax header of more than ${MAX_PAX_BYTES} bytes`
    dataLeft = header.size
    paddingLeft = padding(header.size)
    if (header.type === "pax") {
      paxBytes = new Uint8Array(header.size)
      return dataLeft === 0 ? onDataEnd() : undefined
    }
    pax = undefined
    return members.begin(header) ?? (dataLeft === 0 ? onDataEnd() : undefined)
  }

  const onData = (bytes: Uint8Array): string | undefined => {
    if (paxBytes === undefined) members.data(bytes)
    else paxBytes.set(bytes, paxBytes.length - dataLeft)
    dataLeft -= bytes.length
    return dataLeft === 0 ? onDataEnd() : undefined
  }

  const onDataEnd = (): string | undefined => {
    if (paxBytes === undefined) {
      members.finish()
      return undefined
    }
    const records = parsePax(paxBytes)
    paxBytes = undefined
    if (typeof records === "string") return records
    pax = records
    return undefined
  }

  /** The next header block, whole in `bytes` or put together in `held`; how many bytes it took. */
  const takeHeader = (bytes: Uint8Array, at: number): { readonly taken: number; readonly block?: Uint8Array } => {
    if (filled === 0 && bytes.length - at >= BLOCK) return { taken: BLOCK, block: bytes.subarray(at, at + BLOCK) }
    const taken = Math.min(BLOCK - filled, bytes.length - at)
    held.set(bytes.subarray(at, at + taken), filled)
    filled += taken
    if (filled < BLOCK) return { taken }
    filled = 0
    return { taken, block: held }
  }

  const push = (bytes: Uint8Array): string | undefined => {
    let at = 0
    while (at < bytes.length) {
      let fault: string | undefined
      if (zeroBlocks === 2) {
        return isZero(bytes.subarray(at)) ? undefined : "bytes behind the tar's end marker"
      } else if (dataLeft > 0) {
        const taken = Math.min(dataLeft, bytes.length - at)
        fault = onData(bytes.subarray(at, at + taken))
        at += taken
      } else if (paddingLeft > 0) {
        const taken = Math.min(paddingLeft, bytes.length - at)
        paddingLeft -= taken
        at += taken
      } else {
        const { taken, block } = takeHeader(bytes, at)
        at += taken
        if (block !== undefined) fault = onHeader(block)
      }
      if (fault !== undefined) return fault
    }
    return undefined
  }

  const end = (): string | undefined => {
    if (zeroBlocks === 2) return undefined
    return dataLeft > 0 || paddingLeft > 0 || filled > 0 || pax !== undefined
      ? "the tar is cut short"
      : "the tar has no end marker"
  }

  return { push, end }
}
