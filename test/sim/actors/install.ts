import type { Machine } from "../kernel/machine.ts"
import { makeDirectories, writeFileDurably } from "./hands.ts"
import { TOKEN, TOKEN_FILE } from "./settings.ts"

/** The programs are installed; nothing has been started yet. */
export const install = (machine: Machine, path: string, settings: string, commit: string): void => {
  const { disk } = machine
  const put = (at: string, text: string, mode = 0o644): void =>
    writeFileDurably(disk, at, new TextEncoder().encode(text), mode)
  for (const directory of ["/etc/cis490", "/var/lib/cis490", "/var/lib/cis490-receiver", "/opt/cis490/.git"])
    makeDirectories(disk, directory)
  put(path, settings)
  put(TOKEN_FILE, TOKEN, 0o600)
  put("/opt/cis490/.git/HEAD", `${commit}\n`)
  disk.syncAll()
}
