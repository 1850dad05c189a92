import * as Layer from "effect/Layer"
import { Lookups } from "../src/services/Lookups.ts"
import { layerLookup, layerTemporary } from "./Lookup.ts"

export const layerSqlite = Layer.succeed(Lookups, { beside: layerLookup, temporary: layerTemporary })
