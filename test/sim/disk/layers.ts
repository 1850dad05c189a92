/** A process and its disk. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { LocalDisk } from "../../../src/services/LocalDisk.ts"
import { Volume } from "../../../src/services/Volume.ts"
import type { Process } from "../kernel/process.ts"
import { layerFileSystem } from "./fileSystem.ts"
import { layerVolume } from "./volume.ts"

/** As our programs set it (`layers/startable.ts`). */
const UMASK = 0o077

/** Here every answer comes in place, or is made to wait. */
const layerLocal = Layer.effect(LocalDisk, Effect.all({ files: FileSystem.FileSystem, volume: Volume }))

/** What is open, and held, goes with the process. */
export const layersOf = (process: Process): Layer.Layer<FileSystem.FileSystem | Volume | LocalDisk> => {
  const calls = process.machine.disk.asUser(UMASK)
  process.atEnd(() => calls.closeAll())
  return layerLocal.pipe(Layer.provideMerge(Layer.merge(layerFileSystem(process, calls), layerVolume(process, calls))))
}
