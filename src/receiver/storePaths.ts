/** Where everything lies on the receiver's disk. */

import { type EpisodeId, type HostId, isEpisodeId, isHostId, suffixed } from "../domain/names.ts"
import { parentOf } from "../domain/parentOf.ts"

/** What an episode is called in the dataset. */
export interface EpisodeName {
  readonly hostId: HostId
  readonly episodeId: EpisodeId
}

/** `paths.*` of the configuration, and what an archive may hold. */
export interface StoreOptions {
  readonly storeRoot: string
  readonly incomingRoot: string
  readonly indexPath: string
  readonly maxMembers: number
  readonly maxUnpackedBytes: number
}

const EXTENSION = ".tar.zst"

/** `host/episode`, for people and as a key. */
export const nameOf = ({ hostId, episodeId }: EpisodeName): string => `${hostId}/${episodeId}`

export const lockPath = (storeRoot: string): string => `${storeRoot}/.lock`

export const hostDirectory = (storeRoot: string, hostId: HostId): string => `${storeRoot}/${hostId}`

export const storedPath = (storeRoot: string, { hostId, episodeId }: EpisodeName): string =>
  `${storeRoot}/${hostId}/${episodeId}${EXTENSION}`

/** The episode a file in a host's directory is; `undefined` when it is none. */
export const parseStored = (fileName: string): EpisodeId | undefined => {
  const id = fileName.slice(0, -EXTENSION.length)
  return fileName.endsWith(EXTENSION) && isEpisodeId(id) ? id : undefined
}

/** Damaged files lie beside the store, on its filesystem: `damaged/<host_id>/`. */
export const damagedDirectory = (storeRoot: string, hostId: HostId): string =>
  `${parentOf(storeRoot) === "/" ? "" : parentOf(storeRoot)}/damaged/${hostId}`

/** The name that is tried after `attempt` others were taken. */
export const damagedPath = (storeRoot: string, { hostId, episodeId }: EpisodeName, attempt: number): string =>
  `${damagedDirectory(storeRoot, hostId)}/${suffixed(episodeId, attempt)}${EXTENSION}`

/** An upload while it comes in; `random` tells two of one name apart and has no `~`. No id contains `~`. */
export const incomingPath = (incomingRoot: string, { hostId, episodeId }: EpisodeName, random: string): string =>
  `${incomingRoot}/${hostId}~${episodeId}~${random}.part`

/** The episode an entry of `incoming/` belongs to; `undefined` when it is not ours. */
export const parseIncoming = (entry: string): EpisodeName | undefined => {
  const [hostId = "", episodeId = "", rest, ...more] = entry.split("~")
  if (rest === undefined || more.length > 0 || !/^[A-Za-z0-9_-]+\.part$/.test(rest)) return undefined
  return isHostId(hostId) && isEpisodeId(episodeId) ? { hostId, episodeId } : undefined
}
