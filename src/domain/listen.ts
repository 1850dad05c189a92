import * as Schema from "effect/Schema"

/** Where a server listens. */
export type Listen =
  | { readonly _tag: "Tcp"; readonly host: string; readonly port: number }
  | { readonly _tag: "Unix"; readonly path: string }

/** Reads `host:port`, `[address]:port` or `unix:/path`; `undefined` when it is none. */
export const parseListen = (listen: string): Listen | undefined => {
  const unix = /^unix:(\/[^\0]+)$/.exec(listen)?.[1]
  if (unix !== undefined) return { _tag: "Unix", path: unix }
  const tcp = /^(?!unix:)(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(listen)
  const host = tcp?.[1] ?? tcp?.[2]
  const port = Number(tcp?.[3])
  return host === undefined || port > 65_535 ? undefined : { _tag: "Tcp", host, port }
}

/** Whether nobody on another machine can come there. */
export const isLocal = (listen: string): boolean => {
  const where = parseListen(listen)
  return where?._tag === "Unix" || (where !== undefined && /^(127(\.\d{1,3}){3}|::1|localhost)$/.test(where.host))
}

export const listen = {
  schema: Schema.String.check(Schema.makeFilter((text) => parseListen(text) !== undefined)),
  kind: "path",
  wants: "host:port, [address]:port or unix:/path"
} as const
