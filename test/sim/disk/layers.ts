/** A process and its disk. */
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type { Volume } from "../../../src/services/Volume.ts"
import type { Process } from "../kernel/process.ts"
import { layerFileSystem } from "./fileSystem.ts"
import { layerVolume } from "./volume.ts"

/** As our programs set it (`layers/startable.ts`). */
const UMASK = 0o077

/** What is open, and held, goes with the process. */
export const layersOf = (process: Process): Layer.Layer<FileSystem.FileSystem | Volume> => {
  const calls = process.machine.disk.asUser(UMASK)
  process.atEnd(() => calls.closeAll())
  return Layer.merge(layerFileSystem(process, calls), layerVolume(process, calls))
}
