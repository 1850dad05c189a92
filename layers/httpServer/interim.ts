import type { ServerResponse } from "node:http"
import * as Effect from "effect/Effect"
import { RESUMPTION_SUPPORTED } from "../../src/domain/upload/fields.ts"
import type { Interim } from "../../src/services/Interim.ts"

/** Node does not know it yet, and would write `unknown`. */
const nameStatus = (): void => {
  const { STATUS_CODES } = process.getBuiltinModule("node:http")
  STATUS_CODES[RESUMPTION_SUPPORTED] ??= "Upload Resumption Supported"
}

/** An HTTP/1.0 client knows no informational answer (RFC 9110, section 15.2); once the answer has begun there is no place for one. */
export const interimOn =
  (response: ServerResponse): Interim =>
  (status, headers) =>
    Effect.sync(() => {
      const { httpVersionMajor, httpVersionMinor } = response.req
      if (httpVersionMajor === 1 && httpVersionMinor === 0) return
      if (response.headersSent || response.destroyed) return
      nameStatus()
      response.writeInformation(status, { ...headers })
    })
