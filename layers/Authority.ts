import { generateKeyPairSync } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { Authority, AuthorityUnusable } from "../src/services/Authority.ts"

type Make = typeof import("./authority/make.ts")

/** Loaded when it is needed: no other command has to know how a certificate is written. */
const make = <A>(call: (make: Make) => A): Effect.Effect<A, AuthorityUnusable> =>
  Effect.flatMap(
    Effect.promise(() => import("./authority/make.ts")),
    (make) =>
      Effect.try({
        try: () => call(make),
        catch: (thrown) => new AuthorityUnusable({ message: thrown instanceof Error ? thrown.message : String(thrown) })
      })
  )

/** Keys and signatures by Node's OpenSSL, the rest by asn1-x509. */
export const layerNode = Layer.succeed(Authority, {
  newKey: Effect.sync(() => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
    return Redacted.make(String(privateKey.export({ type: "pkcs8", format: "pem" })), { label: "key" })
  }),
  root: (root) => make(({ root: write }) => write(root)),
  issue: (issuer, leaf) => make(({ issue }) => issue(issuer, leaf)),
  revocationList: (issuer, list) => make(({ revocationList }) => revocationList(issuer, list)),
  readRevocationList: (pem) => make(({ readRevocationList }) => readRevocationList(pem))
})
