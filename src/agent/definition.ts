/** What an object is made from: another definition means that it has to be made anew. */
import * as Result from "effect/Result"
import type { Sha256 } from "../domain/names.ts"
import { canonicalJson } from "../domain/topology/canonicalJson.ts"
import { commandOf, type Decky, type Hydrated, type Lan } from "../domain/topology/hydrated.ts"

type Digest = (text: string) => Sha256

const digestOf = (value: unknown, digest: Digest): Sha256 => digest(Result.getOrThrow(canonicalJson(value)))

const ofLan = ({ is_dmz, subnet }: Lan) => ({ subnet, is_dmz })

export const lanDefinition = (lan: Lan, digest: Digest): Sha256 => digestOf(ofLan(lan), digest)

/** With the LANs it is on: it cannot stay when one of them is made anew. */
export const deckyDefinition = ({ lans }: Hydrated, decky: Decky, digest: Digest): Sha256 =>
  digestOf(
    {
      image: decky.image,
      command: commandOf(decky) ?? null,
      env: decky.env ?? {},
      networks: decky.networks.map(({ ip, lan }) => ({
        lan,
        ip: ip ?? null,
        on: lans.filter(({ name }) => name === lan).map(ofLan)
      }))
    },
    digest
  )
