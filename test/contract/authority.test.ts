import { createPrivateKey, X509Certificate } from "node:crypto"
import { createSecureContext } from "node:tls"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { layerNode } from "../../layers/Authority.ts"
import { Authority, type Leaf } from "../../src/services/Authority.ts"

const FROM = Date.parse("2026-01-01T00:00:00Z")
const UNTIL = Date.parse("2060-01-01T00:00:00Z")

const made = Effect.gen(function* () {
  const authority = yield* Authority
  const key = yield* authority.newKey
  const certificate = yield* authority.root({ name: "lab", key, from: FROM, until: UNTIL })
  const issuer = { certificate, key }
  const issue = (leaf: Partial<Leaf>) =>
    Effect.gen(function* () {
      const key = yield* authority.newKey
      const whole: Leaf = { commonName: "lab-1", names: [], use: "client", key, from: FROM, until: UNTIL, ...leaf }
      const issued = yield* authority.issue(issuer, whole)
      return { ...issued, key, read: new X509Certificate(issued.certificate) }
    })
  return { authority, issuer, issue, root: new X509Certificate(certificate) }
})

/** Node's OpenSSL judges. */
describe("Authority, layerNode", () => {
  it.effect("is an authority: signed by itself, with its own key", () =>
    Effect.gen(function* () {
      const { issuer, root } = yield* made
      expect(root.ca).toBe(true)
      expect(root.checkIssued(root) && root.verify(root.publicKey)).toBe(true)
      expect(root.checkPrivateKey(createPrivateKey(Redacted.value(issuer.key)))).toBe(true)
      expect(root.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: "prime256v1" })
      expect([root.validFromDate.getTime(), root.validToDate.getTime()]).toEqual([FROM, UNTIL])
      expect(JSON.stringify(issuer)).not.toContain("PRIVATE")
    }).pipe(Effect.provide(layerNode))
  )

  it.effect("issues for clients and servers, never another authority", () =>
    Effect.gen(function* () {
      const { issue, root } = yield* made
      const until = Date.parse("2049-12-31T23:59:59Z")
      const client = yield* issue({ names: [{ _tag: "Dns", name: "lab_1.A" }], until })
      const server = yield* issue({
        use: "server",
        names: [
          { _tag: "Dns", name: "collector.wg" },
          { _tag: "Ip", address: "10.0.0.7" },
          { _tag: "Ip", address: "fd00::7" }
        ]
      })
      for (const { key, read } of [client, server]) {
        expect(read.ca).toBe(false)
        expect(read.checkIssued(root) && read.verify(root.publicKey)).toBe(true)
        expect(read.checkPrivateKey(createPrivateKey(Redacted.value(key)))).toBe(true)
        expect(read.subject).toBe("CN=lab-1")
      }
      expect(client.read.subjectAltName).toBe("DNS:lab_1.A")
      expect(client.read.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"])
      expect(client.read.validToDate.getTime()).toBe(until)
      expect(server.read.checkHost("collector.wg")).toBe("collector.wg")
      expect([server.read.checkIP("10.0.0.7"), server.read.checkIP("fd00::7")]).toEqual(["10.0.0.7", "fd00::7"])
      expect(server.read.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"])
      expect(client.read.serialNumber.toLowerCase()).toBe(client.serial)
      expect(client.serial).not.toBe(server.serial)
    }).pipe(Effect.provide(layerNode))
  )

  it.effect("reads the lists that it writes, and so does OpenSSL", () =>
    Effect.gen(function* () {
      const { authority, issue, issuer } = yield* made
      const serials = [(yield* issue({})).serial, (yield* issue({})).serial]
      for (const revoked of [[], serials.map((serial) => ({ serial, at: FROM }))]) {
        const list = { number: 7 + revoked.length, from: FROM, until: UNTIL, revoked }
        const pem = yield* authority.revocationList(issuer, list)
        expect(yield* authority.readRevocationList(pem)).toEqual(list)
        expect(createSecureContext({ crl: pem })).toBeDefined()
      }
    }).pipe(Effect.provide(layerNode))
  )

  it.effect("says that a key is another's, and that something is no list, without a word of what is in it", () =>
    Effect.gen(function* () {
      const { authority, issue, issuer } = yield* made
      const other = yield* authority.newKey
      const list = { number: 1, from: FROM, until: UNTIL, revoked: [] }
      const failures = [
        yield* Effect.flip(authority.revocationList({ ...issuer, key: other }, list)),
        yield* Effect.flip(authority.revocationList({ ...issuer, key: Redacted.make("SECRET") }, list)),
        yield* Effect.flip(authority.readRevocationList((yield* issue({})).certificate)),
        yield* Effect.flip(authority.readRevocationList("-----BEGIN X509 CRL-----\nU0VDUkVU\n-----END X509 CRL-----\n"))
      ]
      for (const { _tag, message } of failures) {
        expect(_tag).toBe("AuthorityUnusable")
        expect(message).not.toMatch(/SECRET|U0VD/)
      }
    }).pipe(Effect.provide(layerNode))
  )
})
