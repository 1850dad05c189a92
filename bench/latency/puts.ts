/** PUTs to a receiver, and how long each takes. */
import { Agent, request } from "node:http"
import type { Tarball } from "./tarballs.ts"

export type Put = (tarball: Tarball) => Promise<number>

/** PUTs over connections that stay; gives the seconds until the answer was whole. */
export const putTo = (url: string): Put => {
  const agent = new Agent({ keepAlive: true })
  return ({ body, digest, id }) =>
    new Promise((resolve, reject) => {
      const headers = { "content-length": body.length, "repr-digest": `sha-256=:${digest}:` }
      const began = performance.now()
      const sent = request(`${url}/v1/episodes/lab-1/${id}`, { method: "PUT", agent, headers }, (response) => {
        response.resume().once("end", () => {
          if (response.statusCode === 201) resolve((performance.now() - began) / 1000)
          else reject(new Error(`a PUT was answered ${response.statusCode}`))
        })
      })
      sent.once("error", reject).end(body)
    })
}

/** Some of them, so many at a time: the seconds that each took. */
export const batch = async (
  put: Put,
  some: ReadonlyArray<Tarball>,
  concurrency: number
): Promise<ReadonlyArray<number>> => {
  const waiting = some.values()
  const took: Array<number> = []
  const worker = async (): Promise<void> => {
    for (const tarball of waiting) took.push(await put(tarball))
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return took
}
