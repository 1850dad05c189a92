/**
 * Many names in little room: of each a fingerprint of 53 bits. Two of a million names share one in one store of twenty thousand;
 * what seems wrong is looked at by name before it is said.
 */

/** A fingerprint that has taken in some bytes. */
interface State {
  high: number
  low: number
}

/** MurmurHash3's constants (Appleby); every byte is mixed into both halves. */
const take = (state: State, byte: number): void => {
  let high = Math.imul(state.high ^ byte, 0x85ebca6b)
  high ^= high >>> 15
  let low = Math.imul(state.low ^ byte, 0xc2b2ae35)
  low ^= low >>> 13
  state.high = high
  state.low = low
}

const SLASH = 0x2f

const begin = (state: State): void => {
  state.high = 0x9747b28c
  state.low = 0x5bd1e995
}

/** Never 0. */
const value = ({ high, low }: State): number => ((high >>> 0) % 0x200000) * 0x100000000 + (low >>> 0) || 1

/** Ids are ASCII: their characters are their bytes. */
export const makeFingerprint = () => {
  const state: State = { high: 0, low: 0 }
  const takeText = (text: string): void => {
    for (let at = 0; at < text.length; at++) take(state, text.charCodeAt(at))
  }
  const takeBytes = (bytes: Uint8Array, from: number, to: number): void => {
    for (let at = from; at < to; at++) take(state, bytes[at] ?? 0)
  }
  return {
    ofNames: (hostId: string, episodeId: string): number => {
      begin(state)
      takeText(hostId)
      take(state, SLASH)
      takeText(episodeId)
      return value(state)
    },
    /** Of a host and an episode as they stand in `bytes`. */
    ofBytes: (bytes: Uint8Array, host: number, hostEnd: number, episode: number, episodeEnd: number): number => {
      begin(state)
      takeBytes(bytes, host, hostEnd)
      take(state, SLASH)
      takeBytes(bytes, episode, episodeEnd)
      return value(state)
    }
  }
}
