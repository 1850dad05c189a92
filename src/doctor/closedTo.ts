/** Files that this user can read and the service cannot: the system is asked as the service's user. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { command, type Said } from "../command.ts"
import { parentOf } from "../domain/parentOf.ts"
import type { Unit } from "../services/ServiceManager.ts"
import { type Finding, red } from "./row.ts"
import { serviceUnit } from "./service.ts"
import { word } from "./shell.ts"

/** As test(1) says no. Where setpriv(1) fails instead, as for whoever is not root, it says why, and nothing is known. */
const saysNo = ({ code, stderr }: Said): boolean => code === 1 && stderr === ""

/** `read`: of the file; `enter`: of the directory that it lies in, and of that in which the link to it does. */
export const judgeClosed = (file: string, user: string, read: Said, enter: Said): Finding | undefined =>
  saysNo(read)
    ? red(
        `${file} cannot be read by ${user}, whom the service runs as`,
        saysNo(enter) ? `namei -l ${word(file)}` : `sudo chown ${word(`${user}:`)} ${word(file)}`
      )
    : undefined

const askAs = Effect.fnUntraced(function* ({ groups, user }: Unit, file: string) {
  const fs = yield* FileSystem.FileSystem
  const real = yield* fs.realPath(file)
  const gids = (yield* command("id", ["-G", "--", user], {})).stdout.trim().split(" ")
  const as = [`--reuid=${user}`, `--regid=${gids[0]}`, `--groups=${[...gids, ...groups].join(",")}`]
  const [read, enter] = yield* Effect.all(
    [
      command("setpriv", [...as, "--", "test", "-r", file], {}),
      command("setpriv", [...as, "--", "test", "-x", parentOf(file), "-a", "-x", parentOf(real)], {})
    ],
    { concurrency: 2 }
  )
  return judgeClosed(file, user, read, enter)
})

/** What the system does not say by then is not known. */
const SOON_MILLIS = 2000

/** The finding about what is in the files; where it is not red, the first of them that the service cannot read. */
export const unlessClosed = Effect.fnUntraced(function* (files: ReadonlyArray<string | undefined>, finding: Finding) {
  const named = files.filter((file) => file !== undefined)
  const unit = finding.state === "red" || named.length === 0 ? undefined : yield* serviceUnit
  if (unit === undefined) return finding
  const asked = yield* Effect.forEach(
    named,
    (file) => Effect.timeoutOption(Effect.option(askAs(unit, file)), SOON_MILLIS),
    { concurrency: "unbounded" }
  )
  const closed = asked.map((said) => Option.getOrUndefined(Option.flatten(said)))
  return closed.find((one) => one !== undefined) ?? finding
})
