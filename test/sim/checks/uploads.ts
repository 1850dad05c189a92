/** An offset that was told is durable, and never goes back; an upload is gone only when somebody has ended it. */
import type { RequestHead, ResponseHead } from "../network/message.ts"
import { RECEIVER_MACHINE } from "../plan/plan.ts"
import type { Scene } from "./check.ts"
import { UPLOADS } from "./places.ts"
import type { Upload } from "./traffic.ts"
import { uploadIn } from "./traffic.ts"
import { Violation } from "./violation.ts"

const GONE: ReadonlySet<number> = new Set([404, 410])
const DAY_MILLIS = 86_400_000

const integerOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined

/** Where an append ends that was taken, and was not the last; `undefined` for any other answer. */
const endTaken = ({ headers, method }: RequestHead, response: ResponseHead): number | undefined =>
  method === "PATCH" && response.status === 204
    ? Number(headers["upload-offset"]) + Number(headers["content-length"])
    : undefined

export const uploads = ({ central, plan, traffic }: Scene) => {
  /** Its clock may say that all of them are over. */
  const mayExpire = plan.events.some(
    (event) => event.kind === "clock" && event.machine === RECEIVER_MACHINE && event.byMillis > DAY_MILLIS
  )

  /** The bytes of it that a power cut would leave. */
  const durableBytes = ({ path }: Upload): number => {
    const view = central.disk.durable()
    const name = path.slice(path.lastIndexOf("/") + 1)
    const sizes = (view.list(UPLOADS) ?? [])
      .filter((file) => file.includes(name))
      .map((file) => view.stat(`${UPLOADS}/${file}`)?.size ?? 0)
    return Math.max(0, ...sizes)
  }

  const hear = (upload: Upload, offset: number): void => {
    if (offset < upload.told)
      throw new Violation("an offset never goes back", `${upload.path} was at ${upload.told}, is at ${offset}`)
    if (offset > upload.length)
      throw new Violation("nothing goes over its length", `${upload.path} is at ${offset} of ${upload.length}`)
    upload.told = offset
    if (upload.ending) return
    const durable = durableBytes(upload)
    if (durable < offset)
      throw new Violation(
        "an offset is told of what is durable",
        `${upload.path} is said to be at ${offset}, and a power cut would leave ${durable}`
      )
  }

  return {
    /** A request begins. */
    sent: ({ headers, method, target }: RequestHead): void => {
      const upload = traffic.uploads.get(target)
      if (upload === undefined) return
      if (method === "DELETE" || (method === "PATCH" && headers["upload-complete"] === "?1")) upload.ending = true
    },
    /** At the instant in which it is said. */
    answered: (request: RequestHead, response: ResponseHead): void => {
      const made = uploadIn(request, response)
      if (made !== undefined) {
        if (traffic.uploads.has(made.path)) throw new Violation("an upload's name is its own", `${made.path} again`)
        traffic.uploads.set(made.path, made)
      }
      const upload = made ?? traffic.uploads.get(request.target)
      if (upload === undefined) return
      if (response.headers["upload-complete"] === "?1") upload.ending = true
      const [said, end] = [integerOf(response.headers["upload-offset"]), endTaken(request, response)]
      if (end !== undefined && said !== undefined && said !== end)
        throw new Violation(
          "an append is taken where it belongs",
          `${upload.path} is at ${said}, and it ended at ${end}`
        )
      const offset = said ?? end
      if (offset !== undefined && response.headers["upload-complete"] !== "?1") hear(upload, offset)
      if (GONE.has(response.status) && !upload.ending && !mayExpire)
        throw new Violation("an upload ends only when it is ended", `${upload.path} is answered ${response.status}`)
    }
  }
}
