import * as Layer from "effect/Layer"
import { Environment } from "../src/services/Environment.ts"

/** The variables of this process, as they are when the layer is built. */
export const layerProcess: Layer.Layer<Environment> = Layer.sync(Environment, () => ({ variables: { ...process.env } }))
