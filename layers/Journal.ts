import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { Journal, JournalClosed } from "../src/services/Journal.ts"
import { codeOf, wordsOf } from "../src/systemError.ts"
import { systemdTool } from "./systemdTool.ts"

/** Ten minutes of a host that ships a dozen episodes a second. */
const MOST_LINES = 10_000

/** What journalctl says to those who see their own messages only, or none: it need not be a failure to it. */
const DENIED = /insufficient permissions|not seeing messages from other users|permission denied/i

const closed = (why: JournalClosed["why"], message: string) => new JournalClosed({ why, message })

const ask = (args: ReadonlyArray<string>) =>
  systemdTool("journalctl", ...args).pipe(
    Effect.mapError((error) =>
      codeOf(error) === "ENOENT"
        ? closed("absent", "there is no journal on this machine")
        : closed("failed", wordsOf(error))
    ),
    Effect.flatMap(({ code, stderr, stdout }) => {
      if (DENIED.test(stderr)) return Effect.fail(closed("denied", "this user may not read the journal"))
      const words = stderr.trim().split("\n")[0] || `journalctl ended ${code}`
      // With nothing found some versions end with 1, and say nothing else.
      return code === 0 || /no journal files were found/i.test(stderr)
        ? Effect.succeed(stdout)
        : Effect.fail(closed("failed", words))
    })
  )

/** Remarks of journalctl's own, such as `-- No entries --`; and the level, where nobody took it off. */
const linesOf = (stdout: string): ReadonlyArray<string> =>
  stdout
    .split("\n")
    .filter((line) => line !== "" && !/^-- .* --$/.test(line))
    .map((line) => line.replace(/^<\d>/, ""))

const unitOf = (name: string): string => `--unit=${name}.service`

/** journalctl(1). */
export const layerSystemd = Layer.effect(
  Journal,
  Effect.map(ChildProcessSpawner, (spawner) => {
    const read = (...args: ReadonlyArray<string>) => Effect.provideService(ask(args), ChildProcessSpawner, spawner)
    return {
      since: (unit, time) =>
        Effect.map(read(unitOf(unit), `--since=${time}`, "--output=cat", `--lines=${MOST_LINES}`), linesOf),
      last: (unit, count) => read(unitOf(unit), "--output=short-iso-precise", `--lines=${count}`)
    }
  })
)
