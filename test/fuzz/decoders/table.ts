import { ofAgents } from "./agent.ts"
import { answers } from "./answers.ts"
import { hostFiles } from "./hostFiles.ts"
import { receiverFiles } from "./receiverFiles.ts"
import { resumption } from "./resumption.ts"
import type { Decoder } from "./row.ts"
import { streams } from "./streams.ts"
import { ofTopologies } from "./topology.ts"
import { uploads } from "./uploads.ts"
import { words } from "./words.ts"

export const decoders: ReadonlyArray<Decoder> = [
  ...words,
  ...streams,
  ...hostFiles,
  ...answers,
  ...resumption,
  ...receiverFiles,
  ...uploads,
  ...ofTopologies,
  ...ofAgents
]

/** What no row calls by itself, and which test goes through it. */
export const elsewhere: Readonly<Record<string, string>> = {
  "receiver/followIndex.ts": "indexFile.test.ts",
  "receiver/indexTail.ts": "indexFile.test.ts",
  "receiver/IndexLog.ts": "indexFile.test.ts",
  "receiver/examine.ts": "pack.test.ts",
  "receiver/checkin.ts": "receiver.test.ts: a ping of anything",
  "receiver/readJsonBody.ts": "master.test.ts",
  "receiver/upload.ts": "receiver.test.ts: a request of any kind",
  "cli/receiver/hosts.ts": "receiver.test.ts: its times are those of the rows that were read",
  "domain/connection/host.ts": "receiverFiles.ts: of a URL that the configuration let through",
  "receiver/pki/authority.ts": "../integration/pki.test.ts: what is in these files only OpenSSL reads",
  "receiver/pki/list.ts": "words.ts: names of issued certificates; their content only OpenSSL reads",
  "shipper/parcel.ts": "../integration/shipperResume.test.ts: reads only the tarball that we packed",
  "shipper/settle.ts": "hostFiles.ts: conflict notes",
  "shipper/pack.ts": "pack.test.ts",
  "shipper/inventory.ts": "pack.test.ts"
}
