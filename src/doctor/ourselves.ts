import * as Context from "effect/Context"
import { word } from "./shell.ts"

/** The program whose doctor this is, as it is to be called. */
export class Ourselves extends Context.Service<
  Ourselves,
  {
    /** Also of the unit. */
    readonly program: "cis490-shipper" | "cis490-receiver" | "cis490-agent"
    readonly configFile: string
    /** A command of the program's, with `--config` where that is needed, else as root: not everybody may read what is installed. */
    readonly command: (args: string) => string
    /** The same, as root wherever the configuration lies. */
    readonly asRoot: (args: string) => string
  }
>()("cis490/doctor/Ourselves") {}

export const ourselves = (
  program: Ourselves["Service"]["program"],
  configFile: string,
  isDefault: boolean
): Ourselves["Service"] => {
  const plain = (args: string): string => `${program} ${args}${isDefault ? "" : ` --config ${word(configFile)}`}`
  const asRoot = (args: string): string => `sudo ${plain(args)}`
  return { program, configFile, command: isDefault ? asRoot : plain, asRoot }
}
