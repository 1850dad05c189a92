import { table } from "../../../src/cli/table.ts"
import type { Fleet } from "./lab.ts"

const nameOf = (names: ReadonlyArray<string>): string => (names[0] ?? "").replace(/^\//, "")

/** What the engine has that is ours, asked of the engine. */
export const inEngine = async ({ engine }: Fleet) => {
  const { api } = engine()
  const networks = (await api.networks()).filter(({ Name }) => Name.startsWith("decnet-"))
  const containers = await api.containers()
  return [
    ...networks.map(({ Internal, Name }) => ["network", Name, Internal ? "internal" : "bridge"]),
    ...containers.map(({ Names, State }) => ["container", nameOf(Names), State])
  ].toSorted((a, b) => (a.join() < b.join() ? -1 : 1))
}

export const showEngine = async (fleet: Fleet) => {
  const rows = await inEngine(fleet)
  fleet.show.exhibit("in the engine", rows.length === 0 ? ["nothing"] : table(rows).split("\n"))
  return rows
}
