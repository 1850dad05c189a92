/** The report's chart: a bar for everybody, workload by workload, as an SVG that reads on light and dark pages. Pure. */
import { OURS, TAR_ALONE } from "../contenders/names.ts"
import { type Entrant, RACES, type Race, type Results } from "../results.ts"
import { grouped, size, speed, unitOf } from "./figures.ts"

const WIDTH = 860
const MARGIN = 20
const LABELS = 260
const FIGURES = 150
const BARS = WIDTH - 2 * MARGIN - LABELS - FIGURES
const ROW = 26
const BAR = 16
const TITLE = 42
const FOOT = 14

interface Colours {
  readonly paper: string
  readonly edge: string
  readonly ink: string
  readonly soft: string
  readonly ours: string
  readonly peer: string
  readonly limit: string
}
const LIGHT: Colours = {
  paper: "#ffffff",
  edge: "#d0d7de",
  ink: "#1f2328",
  soft: "#59636e",
  ours: "#0969da",
  peer: "#afb8c1",
  limit: "#d8dee4"
}
const DARK: Colours = {
  paper: "#0d1117",
  edge: "#3d444d",
  ink: "#f0f6fc",
  soft: "#9198a1",
  ours: "#4493f8",
  peer: "#656c76",
  limit: "#3d444d"
}

const coloured = ({ edge, ink, limit, ours, paper, peer, soft }: Colours): string =>
  `text { fill: ${ink} } .soft { fill: ${soft} } .range { stroke: ${ink} } .paper { fill: ${paper}; stroke: ${edge} }
  .ours { fill: ${ours} } .peer { fill: ${peer} } .limit { fill: ${limit} }`

const STYLE = `
  text { font: 14px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif }
  .title, .bold { font-weight: 600 }
  .title { font-size: 15px }
  .soft { font-size: 12px }
  .range { stroke-width: 1.5 }
  ${coloured(LIGHT)}
  @media (prefers-color-scheme: dark) {
  ${coloured(DARK)}
  }`

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const text = (x: number, y: number, what: string, attributes = ""): string =>
  `<text x="${x}" y="${y}"${attributes}>${escape(what)}</text>`

const kindOf = (name: string): "ours" | "limit" | "peer" =>
  name === OURS ? "ours" : name === TAR_ALONE ? "limit" : "peer"

const bar = (race: Race, each: Entrant, y: number, fastest: number): string => {
  const pace = speed(race, each)
  const x = MARGIN + LABELS
  const at = (value: number): number => Math.round((BARS * value * 10) / fastest) / 10
  const kind = kindOf(each.contender)
  const middle = y + BAR / 2
  const bold = kind === "ours" ? ' class="bold"' : ""
  const end = x + at(Math.max(pace.median, pace.most)) + 8
  return [
    text(x - 10, middle + 5, each.contender, ` text-anchor="end"${bold}`),
    `<rect class="${kind}" x="${x}" y="${y}" width="${at(pace.median)}" height="${BAR}" rx="2"/>`,
    `<line class="range" x1="${x + at(pace.least)}" x2="${x + at(pace.most)}" y1="${middle}" y2="${middle}"/>`,
    text(end, middle + 5, grouped(pace.median), bold)
  ].join("")
}

const heightOf = ({ entrants }: Race): number => TITLE + ROW * entrants.length + FOOT

const panel = (name: string, race: Race, top: number): string => {
  const paces = new Map(race.entrants.map((each) => [each, speed(race, each).median]))
  const fastest = Math.max(...race.entrants.map((each) => speed(race, each).most))
  const sorted = race.entrants.toSorted((a, b) => (paces.get(b) ?? 0) - (paces.get(a) ?? 0))
  const title = `${name}: ${grouped(race.episodes)} episodes of ${size(race.bytes)}, ${unitOf(race)}`
  return [
    text(MARGIN, top + 26, title, ' class="title"'),
    ...sorted.map((each, i) => bar(race, each, top + TITLE + i * ROW, fastest))
  ].join("\n")
}

const NOTE =
  "longer is faster; medians, with a line from the slowest run to the fastest; pale: nothing is sent, a limit"

export const chart = (results: Results): string => {
  const run = RACES.flatMap((name) => (results[name] === undefined ? [] : [{ name, race: results[name] }]))
  let top = MARGIN / 2
  const panels = run.map(({ name, race }) => {
    const drawn = panel(name, race, top)
    top += heightOf(race)
    return drawn
  })
  const height = top + 28
  const title = `How fast episodes become durable, indexed data: ${run.map(({ name }) => name).join(", ")}`
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="paper" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>`,
    ...panels,
    text(MARGIN, height - 14, NOTE, ' class="soft"'),
    "</svg>"
  ].join("\n")}\n`
}
