/** From a recorder to the dataset and through what can go wrong, with the real programs; every claim is checked. */
import { join } from "node:path"
import { meetTrouble } from "./chapters/meetTrouble.ts"
import { mend } from "./chapters/mend.ts"
import { recordThree } from "./chapters/recordThree.ts"
import { ship } from "./chapters/ship.ts"
import { shipAgain } from "./chapters/shipAgain.ts"
import { start } from "./chapters/start.ts"
import { openLab } from "./lab.ts"
import { perform } from "./perform.ts"
import { ulid } from "./ulid.ts"

await perform({ name: "demo", open: openLab }, async (lab, signal) => {
  lab.show.paragraph(
    `One lab host and one receiver in ${lab.root}. Commands read lab-host.toml and receiver.toml there (--config).`
  )
  const { daemon, receiver } = await start(lab)
  const { compressor, idle, walk } = await recordThree(lab, signal)
  await ship(lab, daemon, [compressor, walk, idle])
  await shipAgain(lab, daemon, compressor)
  const id = ulid()
  const partial = { ...walk, id, directory: join(lab.host.episodes, id) }
  await meetTrouble(lab, idle, partial, walk)
  await mend(lab, idle, partial)
  lab.show.gap()
  lab.show.check("the receiver ends with 0 on SIGTERM", await lab.stopDaemon(receiver), 0)
})
