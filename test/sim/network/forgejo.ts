/** A Forgejo server on the network, as far as the version gate asks it: the newest commits of a branch, a page at a time. */
import type { World } from "../kernel/world.ts"
import type { ServerSide } from "./connection.ts"
import { itemsOf } from "./connection.ts"
import type { RequestHead } from "./message.ts"
import type { Network } from "./network.ts"
import type { Answer } from "./passage.ts"

export type Mood =
  | { readonly _tag: "Up" }
  /** Nobody listens. */
  | { readonly _tag: "Down" }
  /** It takes the request and never answers. */
  | { readonly _tag: "Silent" }
  | { readonly _tag: "Slow"; readonly millis: number }
  /** It answers this whatever it is asked. */
  | { readonly _tag: "Says"; readonly answer: Answer }

export interface Forgejo {
  /** Of the branch, newest first; none is an empty repository. */
  commits: ReadonlyArray<string>
  mood: Mood
  /** How many requests came. */
  readonly asked: number
}

export interface ForgejoOptions {
  /** `forgejo` and 3000 if not said. */
  readonly host?: string
  readonly port?: number
  readonly owner: string
  readonly name: string
  readonly branch: string
  readonly commits: ReadonlyArray<string>
  /** Told what it gives: the commits from the first one asked for on, and when it was asked. */
  readonly answered?: (askedAt: number, commits: ReadonlyArray<string>) => void
}

const DEFAULT_PAGE = 30
/** What the server gives at most, whatever it is asked for. */
const CAP = 50

const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  headers: { "content-type": "application/json;charset=utf-8", ...headers },
  body: JSON.stringify(body)
})

const positive = (text: string | null, otherwise: number): number => {
  const value = Number(text)
  return Number.isInteger(value) && value > 0 ? value : otherwise
}

export const addForgejo = (world: World, network: Network, options: ForgejoOptions): Forgejo => {
  const { branch, host = "forgejo", name, owner, port = 3000 } = options
  const path = `/api/v1/repos/${owner}/${name}/commits`
  let asked = 0

  const answer = ({ target }: RequestHead, askedAt: number): Answer => {
    if (forgejo.mood._tag === "Says") return forgejo.mood.answer
    const url = new URL(target, `http://${host}`)
    if (url.pathname !== path) return json(404, { message: "The target couldn't be found." })
    if (forgejo.commits.length === 0) return json(409, { message: "Git Repository is empty." })
    const from = url.searchParams.get("sha") ?? branch
    const tip = from === branch ? 0 : forgejo.commits.indexOf(from)
    if (tip < 0) return json(404, { message: "object does not exist" })
    const listed = forgejo.commits.slice(tip)
    const page = positive(url.searchParams.get("page"), 1)
    const size = Math.min(positive(url.searchParams.get("limit"), DEFAULT_PAGE), CAP)
    const shas = listed.slice((page - 1) * size, page * size)
    if (page === 1) options.answered?.(askedAt, listed)
    return json(
      200,
      shas.map((sha) => ({ sha, commit: { message: "x" }, parents: [] })),
      { "x-total-count": String(listed.length), "x-hasmore": String(page * size < listed.length) }
    )
  }

  const serve = (side: ServerSide): void =>
    side.read((arrival) => {
      if (arrival._tag !== "Head") return side.close("close")
      asked++
      if (forgejo.mood._tag === "Silent") return
      const { head } = arrival
      const askedAt = world.now()
      const delay = forgejo.mood._tag === "Slow" ? forgejo.mood.millis : 0
      world.after(delay, () => {
        const said = answer(head, askedAt)
        world.note(host, `answers ${said.status} to ${head.method} ${head.target}`)
        for (const item of itemsOf(said)) side.write(item)
        side.close("close")
      })
    })

  const forgejo: Forgejo & { asked: number } = {
    commits: options.commits,
    mood: { _tag: "Up" },
    get asked() {
      return asked
    }
  }
  network.addHost(host, port, serve, () => forgejo.mood._tag !== "Down")
  return forgejo
}
