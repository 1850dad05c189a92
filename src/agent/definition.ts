/** What an object is made from: another definition means that it has to be made anew. */
import * as Result from "effect/Result"
import type { Sha256 } from "../domain/names.ts"
import { canonicalJson } from "../domain/topology/canonicalJson.ts"
import { commandOf, type Decky, type Lan } from "../domain/topology/hydrated.ts"

type Digest = (text: string) => Sha256

const digestOf = (value: unknown, digest: Digest): Sha256 => digest(Result.getOrThrow(canonicalJson(value)))

export const lanDefinition = ({ is_dmz, subnet }: Lan, digest: Digest): Sha256 => digestOf({ subnet, is_dmz }, digest)

export const deckyDefinition = (decky: Decky, digest: Digest): Sha256 =>
  digestOf(
    {
      image: decky.image,
      command: commandOf(decky) ?? null,
      env: decky.env ?? {},
      networks: decky.networks.map(({ ip, lan }) => ({ lan, ip: ip ?? null }))
    },
    digest
  )
