import * as Context from "effect/Context"
import type { HostId } from "../domain/names.ts"

/** Whom the agent acts for. */
export class Host extends Context.Service<
  Host,
  {
    readonly hostId: HostId
    /** Of this program. */
    readonly version: string
    /** Where the agent keeps what it remembers. */
    readonly directory: string
  }
>()("cis490/agent/Host") {}
