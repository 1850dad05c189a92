import type { ReceiverSettings } from "../../domain/receiverSettings.ts"
import * as Gate from "../../receiver/gate.ts"

/** The gate as configured. */
export const layerGate = (settings: ReceiverSettings) => (settings.version_gate.enabled ? Gate.layerOff : Gate.layerOff)
