/** What a request is about, read from its path as it was sent: nothing is decoded, collapsed or resolved. */
import * as Result from "effect/Result"
import { type EpisodeId, type HostId, isEpisodeId, isHostId } from "../domain/names.ts"
import { type Problem, path } from "../domain/protocol.ts"

export type Target =
  | { readonly _tag: "Health" }
  | { readonly _tag: "Ping" }
  | { readonly _tag: "Openapi" }
  | { readonly _tag: "Episode"; readonly hostId: string; readonly episodeId: string }
  | { readonly _tag: "Upload"; readonly token: string }
  | { readonly _tag: "Heartbeat" }
  | { readonly _tag: "Fleet" }
  | { readonly _tag: "Topology"; readonly hostId: string }

export interface Names {
  readonly hostId: HostId
  readonly episodeId: EpisodeId
}

const EPISODES = "/v1/episodes/"
const UPLOADS = "/v1/uploads/"
const TOPOLOGY = /^\/v1\/hosts\/([^/]*)\/topology$/

const fixed: Readonly<Record<string, Target>> = {
  [path.health]: { _tag: "Health" },
  [path.ping]: { _tag: "Ping" },
  [path.openapi]: { _tag: "Openapi" },
  [path.heartbeat]: { _tag: "Heartbeat" },
  [path.hosts]: { _tag: "Fleet" }
}

/** `url` is the request target: a path, or a whole URL. What follows a `?` is not looked at. */
export const targetOf = (url: string): Target | undefined => {
  const raw = url.replace(/^https?:\/\/[^/?]*/i, "").replace(/\?.*$/s, "")
  if (Object.hasOwn(fixed, raw)) return fixed[raw]
  if (raw.startsWith(UPLOADS)) return { _tag: "Upload", token: raw.slice(UPLOADS.length) }
  const hostOfTopology = TOPOLOGY.exec(raw)?.[1]
  if (hostOfTopology !== undefined) return { _tag: "Topology", hostId: hostOfTopology }
  if (!raw.startsWith(EPISODES)) return undefined
  const [hostId = "", ...rest] = raw.slice(EPISODES.length).split("/")
  return { _tag: "Episode", hostId, episodeId: rest.join("/") }
}

const badName = (error: string): Problem => ({
  problem: "bad-name",
  error,
  remediation:
    "a host_id is 1 to 64, an episode_id 1 to 128 of A-Z a-z 0-9 . _ -, beginning with a letter or digit, and neither is percent-encoded"
})

const shown = (name: string): string => JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name)

export const namesIn = (target: Extract<Target, { readonly _tag: "Episode" }>): Result.Result<Names, Problem> => {
  const { episodeId, hostId } = target
  if (!isHostId(hostId)) return Result.fail(badName(`${shown(hostId)} is no host_id`))
  if (!isEpisodeId(episodeId)) return Result.fail(badName(`${shown(episodeId)} is no episode_id`))
  return Result.succeed({ hostId, episodeId })
}

export const hostIn = ({ hostId }: Extract<Target, { readonly _tag: "Topology" }>): Result.Result<HostId, Problem> =>
  isHostId(hostId) ? Result.succeed(hostId) : Result.fail(badName(`${shown(hostId)} is no host_id`))
