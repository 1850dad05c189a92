/** The whole of the measurements, or some: each is a script of its own. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { chosen, readOptions, say } from "./options.ts"
import { sharedPlace } from "./place.ts"
import { build } from "./programs.ts"

const HELP = `
npm run bench -- [PART]… [--rounds N] [--close N] [--only PART-OF-A-NAME]… [--results DIRECTORY]

Measures the parts named, or all of them, and writes bench/results: table.md, chart.svg and results.json. A part measured again takes
the place of its older figures. Files lie below TMPDIR. All of it takes half an hour on two cores, of which LARGE takes a third.

  SMALL      1,000 episodes of 64 KiB  } ours beside framework-free Node, Python, rsync, curl and nginx, tar | zstd;
  MEDIUM     60 episodes of 8 MiB      } --rounds, --close and --only are about these: node bench/race.ts --help
  LARGE      4 episodes of 512 MiB     }
  BACKLOG    20,000 episodes of 16 KiB; a pass with the receiver down; idling       npm run backlog -- --help
  LATENCY    PUTs to a receiver with 1,000,000 rows and to one with none            npm run latency -- --help
  THIN       MEDIUM over 10 Mbit/s that break                                       npm run thin -- --help
  SYNCS      which files are synced for one episode                                 npm run syncs -- --help

  --results DIRECTORY   where to keep the figures (bench/results); what is not whole is kept only where this says so

Besides: npm run bench:report (table and chart anew), npm run flat (memory and start-up against their limits).`

const { positionals, values } = readOptions(HELP, {
  rounds: { type: "string" },
  close: { type: "string" },
  only: { type: "string", multiple: true },
  results: { type: "string" }
})

const scripts = {
  SMALL: ["race.ts", "SMALL"],
  MEDIUM: ["race.ts", "MEDIUM"],
  LARGE: ["race.ts", "LARGE"],
  BACKLOG: ["backlog.ts"],
  LATENCY: ["latency.ts"],
  THIN: ["thin.ts", "MEDIUM"],
  SYNCS: ["syncs.ts"]
} as const
type Part = keyof typeof scripts
const all = Object.keys(scripts) as ReadonlyArray<Part>

const option = (name: string, value: string | undefined): ReadonlyArray<string> =>
  value === undefined ? [] : [`--${name}`, value]
const forRaces = [
  ...option("rounds", values.rounds),
  ...option("close", values.close),
  ...(values.only ?? []).flatMap((part) => option("only", part))
]

const parts = chosen(positionals, all)
build()
const env = { ...process.env, ...sharedPlace() }
const failed = parts.filter((part) => {
  const [script, ...args] = scripts[part]
  const own = script === "race.ts" ? forRaces : []
  const argv = [join(import.meta.dirname, script), ...args, ...own, ...option("results", values.results)]
  return spawnSync(process.execPath, argv, { stdio: "inherit", env }).status !== 0
})
if (failed.length > 0) say(`not measured: ${failed.join(", ")}`)
process.exitCode = failed.length > 0 ? 1 : 0
