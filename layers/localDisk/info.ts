import type { BigIntStats } from "node:fs"
import * as ByteSize from "effect/ByteSize"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { typeOf } from "../fileType.ts"

/** Node gives unsigned numbers of the kernel as signed ones. */
const unsigned = (value: bigint): bigint => BigInt.asUintN(64, value)

/** Dates are made when they are asked for: they cost more than the question. */
export const infoOf = (stats: BigIntStats): FileSystem.File.Info => ({
  type: typeOf(stats),
  get mtime() {
    return Option.some(stats.mtime)
  },
  get atime() {
    return Option.some(stats.atime)
  },
  get birthtime() {
    return Option.some(stats.birthtime)
  },
  dev: unsigned(stats.dev),
  rdev: Option.some(unsigned(stats.rdev)),
  ino: Option.some(unsigned(stats.ino)),
  mode: Number(stats.mode),
  nlink: Option.some(unsigned(stats.nlink)),
  uid: Option.some(Number(stats.uid)),
  gid: Option.some(Number(stats.gid)),
  size: ByteSize.bytes(stats.size),
  blksize: Option.some(ByteSize.bytes(stats.blksize)),
  blocks: Option.some(stats.blocks)
})
