const AUTHORITY = /^https?:\/\/([^/?#]+)/i

/** `collector.wg:8490`: who a URL is about. */
export const hostOf = (url: string): string => AUTHORITY.exec(url)?.[1] ?? url

/** `collector.wg`, without the port. */
export const nameOf = (url: string): string => hostOf(url).replace(/:\d+$/, "")
