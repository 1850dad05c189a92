/** Room on a disk: bytes against the floor, and inodes. */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import { counted, size } from "../domain/humanize.ts"
import { type Space, Volume } from "../services/Volume.ts"
import { type Finding, green, red, yellow } from "./row.ts"
import { word } from "./shell.ts"

export const judgeSpace = ({ freeBytes, totalBytes }: Space, floor: number, path: string): Finding => {
  const found = `${size(freeBytes)} of ${size(totalBytes)} free, the floor is ${size(floor)}`
  const mend = `sudo du -xah -d 2 ${word(path)} | sort -h | tail`
  if (freeBytes < floor) return red(found, mend)
  return freeBytes < 2 * floor ? yellow(found, mend) : green(found)
}

/** Of all there are. */
const FEW_INODES = 0.05
const TOO_FEW_INODES = 0.01

/** Some filesystems do not count them. */
export const judgeInodes = ({ freeInodes, totalInodes }: Space, path: string): Finding => {
  if (totalInodes === 0) return green("not counted by this filesystem")
  const share = freeInodes / totalInodes
  const found = `${counted(freeInodes, "inode")} of ${totalInodes} free`
  const mend = `sudo du -x --inodes -d 2 ${word(path)} | sort -n | tail`
  if (share < TOO_FEW_INODES) return red(found, mend)
  return share < FEW_INODES ? yellow(found, mend) : green(found)
}

/** What is not there yet will lie where its parent does. */
const spaceAt = (path: string): Effect.Effect<Space, PlatformError, Volume> =>
  Effect.flatMap(Volume, (volume) => volume.space(path)).pipe(
    Effect.catchIf(
      ({ reason }) => reason._tag === "NotFound" && path !== "/",
      () => spaceAt(parentOf(path))
    )
  )

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/"

export const lookAtSpace = (path: string, floor: number) =>
  Effect.map(spaceAt(path), (space) => [judgeSpace(space, floor, path)])

export const lookAtInodes = (path: string) => Effect.map(spaceAt(path), (space) => [judgeInodes(space, path)])
