/**
 * Where everything lies below `data_root`. The directory is the state: an episode is in exactly one of `episodes/`, `shipped/`
 * and `quarantine/`, and every move between them is one rename. `state/` holds what may be lost without losing an episode.
 */
import * as Context from "effect/Context"
import type * as FileSystem from "effect/FileSystem"

export const REASON_FILE = "quarantine_reason.json"
export const DONE_MARKER = "done.marker"
export const META_FILE = "meta.json"

/** What stands in `outbox/` after an episode's id. */
export const SUFFIX = {
  tarball: ".tar.zst",
  partial: ".tar.zst.partial",
  conflictNote: ".conflict.json",
  uploadNote: ".upload.json"
} as const

/** Whether what is called `done.marker` says that the episode is finished. Where it is a link or a device, the packing refuses it. */
export const isMarker = (type: FileSystem.File.Type | undefined): boolean => type !== undefined && type !== "Directory"

export interface Paths {
  readonly root: string
  readonly episodes: string
  readonly outbox: string
  readonly shipped: string
  readonly quarantine: string
  readonly state: string
  readonly lock: string
  readonly episode: (id: string) => string
  readonly tarball: (id: string) => string
  readonly partial: (id: string) => string
  readonly conflictNote: (id: string) => string
  /** Where the tarball's resumable upload lies at the receiver. */
  readonly uploadNote: (id: string) => string
  readonly shippedEpisode: (name: string) => string
  readonly receipt: (name: string) => string
  readonly quarantined: (name: string) => string
  /** What the waiting tarball was made from. */
  readonly packingNote: (id: string) => string
  /** How often in a row this episode came to grief; see `tally`. */
  readonly tally: (id: string) => string
}

export const pathsBelow = (root: string): Paths => ({
  root,
  episodes: `${root}/episodes`,
  outbox: `${root}/outbox`,
  shipped: `${root}/shipped`,
  quarantine: `${root}/quarantine`,
  state: `${root}/state`,
  lock: `${root}/state/lock`,
  episode: (id) => `${root}/episodes/${id}`,
  tarball: (id) => `${root}/outbox/${id}${SUFFIX.tarball}`,
  partial: (id) => `${root}/outbox/${id}${SUFFIX.partial}`,
  conflictNote: (id) => `${root}/outbox/${id}${SUFFIX.conflictNote}`,
  uploadNote: (id) => `${root}/outbox/${id}${SUFFIX.uploadNote}`,
  shippedEpisode: (name) => `${root}/shipped/${name}`,
  receipt: (name) => `${root}/shipped/${name}.receipt.json`,
  quarantined: (name) => `${root}/quarantine/${name}`,
  packingNote: (id) => `${root}/state/packed/${id}`,
  tally: (id) => `${root}/state/tally/${id}.json`
})

/** The data root this program works on. */
export class Layout extends Context.Service<Layout, Paths>()("cis490/shipper/Layout") {}
