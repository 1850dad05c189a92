import { startReceiver } from "/work/main/test/support/receiver.ts"
import { layerDataset } from "/work/main/src/receiver/layerDataset.ts"
import { layerLookup } from "/work/main/layers/Lookup.ts"
import { readFileSync } from "node:fs"
const LayerM = await import("effect/Layer")
const r = await startReceiver({ limits: { maxEpisodeBytes: 2**31, maxUnpackedBytes: 2**34 }, dataset: (root) => {
  const o = { storeRoot: root + "/store", incomingRoot: root + "/incoming", indexPath: root + "/index.jsonl", maxMembers: 1000, maxUnpackedBytes: 2**34 }
  return layerDataset(o).pipe(LayerM.provide(layerLookup(o.indexPath)))
} })
console.log(r.port)
process.on("SIGUSR2", () => console.log(/VmHWM.*/.exec(readFileSync("/proc/self/status","utf8"))[0], /VmRSS.*/.exec(readFileSync("/proc/self/status","utf8"))[0]))
setInterval(()=>{}, 1000)
