import { elsewhere, word } from "./shell.ts"

export const hostOf = (url: string): string => URL.parse(url)?.hostname ?? url

/** What mends it that the receiver at `url` is not reached, by the words of why; `otherwise` looks closer. */
export const unreachedMend = (
  why: string,
  { configFile, otherwise, url }: { readonly configFile: string; readonly otherwise: string; readonly url: string }
): string => {
  const host = hostOf(url)
  if (/ECONNREFUSED/.test(why)) return elsewhere(host, "sudo systemctl start cis490-receiver")
  return /ENOTFOUND|EAI_AGAIN/.test(why) ? `getent hosts ${word(host)} || sudoedit ${word(configFile)}` : otherwise
}
