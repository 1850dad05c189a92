import * as Context from "effect/Context"

/** What surrounds the process: its environment variables. */
export class Environment extends Context.Service<
  Environment,
  { readonly variables: Readonly<Record<string, string | undefined>> }
>()("cis490/services/Environment") {}
