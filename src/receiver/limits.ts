import * as Context from "effect/Context"

/** How much the receiver takes, of what. */
export class Limits extends Context.Service<
  Limits,
  {
    /** Of a tarball. */
    readonly maxEpisodeBytes: number
    /** Of what a tarball unpacks to. */
    readonly maxUnpackedBytes: number
    /** Entries in a tarball. */
    readonly maxMembers: number
    /** What has to stay free on the disk that takes uploads. */
    readonly minFreeBytes: number
    readonly maxConcurrentUploads: number
    /** How long a body may stand still. */
    readonly bodyIdleMillis: number
    /** How fast a body has to come, in bytes per second, on average, once we have waited for it this long. */
    readonly crawl: { readonly bytesPerSecond: number; readonly afterMillis: number }
    /** Uploads that may be resumed. */
    readonly uploads: {
      /** How long one is kept after it last moved. */
      readonly expiryMillis: number
      readonly maxPerHost: number
      /** Of all that a host has announced and not finished; one upload is let in whatever its size. */
      readonly maxBytesPerHost: number
    }
  }
>()("cis490/receiver/Limits") {}

/** Under 1 KiB/s after a minute is no upload but a way to hold a place. */
export const CRAWL = { bytesPerSecond: 1024, afterMillis: 60_000 } as const
