/** What the daemon logged a moment ago. */
import * as Effect from "effect/Effect"
import { Journal, type JournalClosed } from "../../services/Journal.ts"
import { Ourselves } from "../ourselves.ts"
import { type Finding, green, red, yellow } from "../row.ts"
import { word } from "../shell.ts"

/** What a line is a sign of; `undefined`: of nothing wrong. */
export type Sign = "out_of_window" | "bad_request" | "transient" | "other" | "better" | "fresh" | undefined

const STATUS = /(?:^| )status(?:_code)?=(\d{1,3})(?![\d])/

/** Lines that the daemon writes when something will be tried again. */
const TRIED_AGAIN =
  /^(?:not shipped|nothing is being shipped|cannot be (?:packed|sent) now|answered, but cannot be put away now|damaged on the way|check-in failed|cannot clean up|cannot be swept)\b|changed after done\.marker/

const bySign: ReadonlyArray<readonly [Sign, (line: string, status: number | undefined) => boolean]> = [
  ["out_of_window", (_, status) => status === 412],
  ["bad_request", (_, status) => status === 400],
  ["transient", (line) => TRIED_AGAIN.test(line)],
  [
    "transient",
    (line, status) =>
      status !== undefined &&
      !/^quarantined\b|^held\b/.test(line) &&
      (status === 408 || status === 425 || status === 429 || status >= 500)
  ],
  ["other", (line) => /^(?:quarantined|held)\b/.test(line)],
  ["better", (line) => line.startsWith("shipping again")],
  ["fresh", (line) => /^started$/.test(line)]
]

export const signOf = (line: string): Sign => {
  const digits = STATUS.exec(line)?.[1]
  const status = digits === undefined ? undefined : Number(digits)
  return bySign.find(([, fits]) => fits(line, status))?.[0]
}

interface Signs {
  readonly out_of_window: Array<string>
  readonly bad_request: Array<string>
  readonly transient: Array<string>
  readonly other: Array<string>
}

const none = (): Signs => ({ out_of_window: [], bad_request: [], transient: [], other: [] })

/** What came before the program was started anew belongs to other code; what it says is over is over. */
const gather = (lines: ReadonlyArray<string>): Signs => {
  let signs = none()
  for (const line of lines) {
    const sign = signOf(line)
    if (sign === "fresh") signs = none()
    else if (sign === "better") signs.transient.length = 0
    else if (sign !== undefined) signs[sign].push(line)
  }
  return signs
}

export interface JournalMends {
  /** Brings the code of this host up to date. */
  readonly update: string
  readonly command: (args: string) => string
  readonly since: string
  readonly unit: string
}

const LONGEST = 300

const cut = (line: string): string => (line.length > LONGEST ? `${line.slice(0, LONGEST)} …` : line)

/** What was logged before has been read, and counts no more. */
const anew = (unit: string): string => `sudo systemctl restart ${unit}`

const badRequest = (lines: ReadonlyArray<string>, { command, unit }: JournalMends): Finding =>
  red(
    `${lines.length} ship(s) rejected as bad requests: ${cut(lines.at(-1) ?? "")}`,
    `${command(lines.some((line) => line.includes("X-Cis490-Code-Commit")) ? "drain" : "quarantine list")} && ${anew(unit)}`
  )

/** The window first: it is the one to act on. */
export const judgeLines = (lines: ReadonlyArray<string>, mends: JournalMends): Finding => {
  const { bad_request, other, out_of_window, transient } = gather(lines)
  if (out_of_window.length > 0) {
    const also = bad_request.length === 0 ? "" : `, and ${bad_request.length} as bad requests`
    return red(`${out_of_window.length} ship(s) rejected as out-of-window${also}`, mends.update)
  }
  if (bad_request.length > 0) return badRequest(bad_request, mends)
  if (transient.length > 0) {
    return yellow(
      `${transient.length} transient failure(s), the last: ${cut(transient.at(-1) ?? "")}`,
      `${mends.command("ping")} && ${anew(mends.unit)}`
    )
  }
  if (other.length > 0) {
    return yellow(
      `${other.length} refusal(s), the last: ${cut(other.at(-1) ?? "")}`,
      `sudo journalctl -u ${mends.unit} --since=${word(mends.since)} -p warning --no-pager; ${anew(mends.unit)}`
    )
  }
  return green(lines.length === 0 ? "nothing was logged" : `${lines.length} line(s), nothing wrong`)
}

const byWhy: Readonly<Record<JournalClosed["why"], (message: string, mends: JournalMends) => Finding>> = {
  denied: (message) =>
    yellow(`${message}: join the group systemd-journal and log in again`, "sudo usermod -aG systemd-journal $USER"),
  absent: (message, { command }) => yellow(`${message}; the program logs to where it was started`, command("status")),
  failed: (message, { unit }) => yellow(`cannot be read: ${message}`, `sudo journalctl -u ${unit} -n 50 --no-pager`)
}

export const judgeClosed = ({ message, why }: JournalClosed, mends: JournalMends): Finding => byWhy[why](message, mends)

export const lookAtJournal = Effect.fnUntraced(function* <R>(since: string, update: Effect.Effect<string, never, R>) {
  const { command, program } = yield* Ourselves
  const journal = yield* Journal
  const mends = { command, since, unit: program, update: yield* update }
  const finding = yield* journal.since(program, since).pipe(
    Effect.match({
      onFailure: (closed) => judgeClosed(closed, mends),
      onSuccess: (lines) => judgeLines(lines, mends)
    })
  )
  return [finding]
})
