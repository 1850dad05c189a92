import { expect, test } from "vitest"
import { type FailedHandshake, limitHandshakes } from "../../layers/httpServer/handshakes.ts"

test("failed handshakes: one line in ten seconds, with the number of those that went without", () => {
  const said: Array<FailedHandshake> = []
  let now = 0
  const failed = limitHandshakes(
    (one) => said.push(one),
    () => now
  )
  const error = (code: string) => Object.assign(new Error("\nforged\x1b[2J"), { code })
  failed(error("ECONNRESET"), "10.0.0.1")
  for (let i = 0; i < 1000; i++) failed(error("ERR_SSL_NO_SHARED_CIPHER"), "10.0.0.2")
  now = 10_000
  failed(error("ERR_SSL_STRANGE"), "10.0.0.3")
  failed(error("ECONNRESET"), "10.0.0.1")
  expect(said).toEqual([
    { from: "10.0.0.1", cause: "the client went away", unsaid: 0 },
    { from: "10.0.0.3", cause: "ERR_SSL_STRANGE", unsaid: 1000 }
  ])
})
