import { createPrivateKey, X509Certificate } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Certificates, NotPem } from "../src/services/Certificates.ts"

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

const attempt = <A>(why: string, call: () => A): Effect.Effect<A, NotPem> =>
  Effect.try({ try: call, catch: () => new NotPem({ why }) })

const parsed = (pem: string) => attempt("holds a certificate that is broken", () => new X509Certificate(pem))

/** In the order of a name: `CN=…` last. */
const inOneLine = (name: string | undefined): string => (name ?? "").split("\n").join(", ")

const read: Certificates["Service"]["read"] = Effect.fnUntraced(function* (pem: string) {
  const blocks = pem.match(BLOCK) ?? []
  if (blocks.length === 0) return yield* new NotPem({ why: "holds no certificate in PEM" })
  const all = yield* Effect.forEach(blocks, parsed)
  return all.map(({ issuer, subject, subjectAltName, validFromDate, validToDate }) => ({
    subject: inOneLine(subject),
    issuer: inOneLine(issuer),
    names: [...(subjectAltName ?? "").matchAll(/(?:^|, )(?:DNS|IP Address):([^,"]+)/g)].flatMap(
      ([, name]) => name ?? []
    ),
    from: validFromDate.getTime(),
    until: validToDate.getTime()
  }))
})

const belongs: Certificates["Service"]["belongs"] = Effect.fnUntraced(function* (key: string, certificate: string) {
  const privateKey = yield* attempt("holds no private key in PEM that can be used", () => createPrivateKey(key))
  const first = yield* parsed(certificate.match(BLOCK)?.[0] ?? "")
  return first.checkPrivateKey(privateKey)
})

/** Node's own OpenSSL. */
export const layerNode = Layer.succeed(Certificates, { read, belongs })
