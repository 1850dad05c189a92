/** What doctor of an installed program says, and the operator who does what it says. */
import type { Row, State } from "../../src/doctor/row.ts"
import type { Said } from "../support/tools.ts"
import type { Lab } from "./lab.ts"
import { eventually } from "./machine.ts"

export interface Cure {
  /** What `sudoedit FILE` does to the file: a `sed` script. */
  readonly edit?: string
  /** Commands that go before the mend in the same shell. */
  readonly prelude?: string
  /** What a person does who has read what the mend printed. */
  readonly afterwards?: (printed: string) => Promise<void>
}

/** One mend may uncover the next. */
const MOST_MENDS = 3
const SOON_MILLIS = 4000
const CURED_MILLIS = 20_000

export const makeDoctor = (lab: Lab, program: "cis490-shipper" | "cis490-receiver") => {
  const look = async (prelude = ""): Promise<ReadonlyArray<Row>> => {
    const { stderr, stdout } = await lab.run(`${prelude}\n${program} doctor --json`)
    if (!stdout.startsWith("[")) throw new Error(`${program} doctor --json says ${stdout}${stderr}`)
    return JSON.parse(stdout)
  }

  const of = (rows: ReadonlyArray<Row>, check: string, target?: string): ReadonlyArray<Row> =>
    rows.filter((row) => row.check === check && (target === undefined || row.target === target))

  /** Waits for a row of a check to be in a state; gives it. */
  const finds = async (state: State, check: string, words: RegExp, target?: string, prelude?: string): Promise<Row> => {
    let last: ReadonlyArray<Row> = []
    return eventually(`${check} is ${state} (${words})`, async () => {
      last = of(await look(prelude), check, target)
      return last.find((row) => row.state === state && words.test(row.found))
    }).catch((error: Error) => {
      throw new Error(`${error.message}, but ${JSON.stringify(last, null, 1)}`)
    })
  }

  /** Runs what a row prints, as it prints it. */
  const follow = ({ mend }: Row, { edit = "", prelude = "" }: Cure = {}): Promise<Said> => {
    if (mend === null) throw new Error("there is no mend")
    lab.write("/usr/local/bin/edit", '#!/bin/sh\nexec sed -i "$EDIT" "$1"\n', 0o755)
    return lab.run(`export SUDO_EDITOR=/usr/local/bin/edit EDIT=$1\n${prelude}\nset +euo pipefail\n${mend}`, edit)
  }

  /** Does what the row says, and what it says then, until the check is green. */
  const cures = async (row: Row, cure: Cure = {}): Promise<void> => {
    let sick = row
    for (let mends = 1; ; mends++) {
      const { code, stderr, stdout } = await follow(sick, cure)
      await cure.afterwards?.(stdout)
      const left = await eventually(
        "it is cured",
        async () => of(await look(), row.check).every(({ state }) => state === "green"),
        mends === MOST_MENDS ? CURED_MILLIS : SOON_MILLIS
      ).then(
        () => undefined,
        async () => of(await look(), row.check).find(({ state }) => state !== "green")
      )
      if (left === undefined) return
      const said = `${sick.mend}\nended ${code}: ${stdout}${stderr}`
      if (mends === MOST_MENDS || left.mend === null) {
        throw new Error(`${row.check} is still ${left.state}: ${left.found}\n${said}`)
      }
      sick = left
    }
  }

  /** It finds this, and what it prints mends it. */
  const findsAndCures = async (state: State, check: string, words: RegExp, cure: Cure = {}): Promise<Row> => {
    const row = await finds(state, check, words, undefined, cure.prelude)
    await cures(row, cure)
    return row
  }

  return {
    look,
    finds,
    follow,
    cures,
    findsAndCures,
    isAllGreen: (...but: ReadonlyArray<string>): Promise<unknown> => {
      let sick: ReadonlyArray<Row> = []
      return eventually("all is green", async () => {
        sick = (await look()).filter(({ check, state }) => state !== "green" && !but.includes(check))
        return sick.length === 0
      }).catch((error: Error) => {
        throw new Error(`${error.message}: ${JSON.stringify(sick, null, 1)}`)
      })
    }
  }
}
export type Doctor = ReturnType<typeof makeDoctor>
