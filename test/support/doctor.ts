import { expect } from "vitest"
import type { Row } from "../../src/doctor/row.ts"
import type { FakeTools } from "./fakeTools.ts"
import type { Ran } from "./shipperBox.ts"

/** What doctor said. */
export const readDoctor = (ran: Ran) => {
  let rows: ReadonlyArray<Row>
  try {
    rows = JSON.parse(ran.stdout)
  } catch {
    throw new Error(`doctor ended ${ran.code} and said ${ran.stdout}${ran.stderr}`)
  }
  const of = (check: string, target?: string): Row => {
    const found = rows.filter((row) => row.check === check && (target === undefined || row.target === target))
    expect(found, `${check} ${target} in ${ran.stdout}`).toHaveLength(1)
    return found[0] as Row
  }
  return { ...ran, rows, of, unwell: rows.filter(({ state }) => state !== "green") }
}

/** What is said of a file that only root can read, with `User=nobody`: to root, as nobody else can ask. */
export const closedToNobody = (file: string, mend = `sudo chown nobody: ${file}`): Partial<Row> =>
  process.getuid?.() === 0
    ? { state: "red", found: `${file} cannot be read by nobody, whom the service runs as`, mend }
    : { state: "green" }

/** Runs the mend of a row as a person would, and expects that it does what it is for. */
export const mendIt = async (tools: FakeTools, { mend }: Row): Promise<void> => {
  expect(mend).not.toBeNull()
  const { code, said } = await tools.paste(mend ?? "")
  expect(code, `${mend}\n${said}`).toBe(0)
}
