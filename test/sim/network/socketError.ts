import { Evidence } from "../../../src/domain/connection/Evidence.ts"

type Known = Pick<ConstructorParameters<typeof Evidence>[0], "phase" | "material">

/** As Node and undici throw it, with what `layers/httpClient` adds. */
export const socketError = (code: string | undefined, message: string, known?: Known): Error =>
  Object.assign(new Error(message), {
    ...(code !== undefined && { code }),
    ...(known && { evidence: new Evidence({ tls: false, ...known }) })
  })
