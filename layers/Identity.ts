import { type Stats, statSync } from "node:fs"
import { dirname } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Identity } from "../src/services/Identity.ts"

const nearest = (path: string): Stats | undefined => {
  const found = statSync(path, { throwIfNoEntry: false })
  return found ?? (dirname(path) === path ? undefined : nearest(dirname(path)))
}

/** The process keeps its real user: only what it touches is touched as another one. */
export const layerProcess = Layer.succeed(Identity, {
  actAsOwnerOf: (path) =>
    Effect.sync(() => {
      if (process.geteuid?.() !== 0) return
      const owner = nearest(path)
      if (owner === undefined || owner.uid === 0) return
      process.setgroups?.([owner.gid])
      process.setegid?.(owner.gid)
      process.seteuid?.(owner.uid)
    })
})
