import { command } from "../src/command.ts"

/** What one of systemd's own tools says, without colours and pager. */
export const systemdTool = (program: "journalctl" | "systemctl", ...args: ReadonlyArray<string>) =>
  command(program, ["--no-pager", ...args], { SYSTEMD_PAGER: "", SYSTEMD_COLORS: "0" })
