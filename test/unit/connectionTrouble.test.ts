/** The rows of the table that no socket here can be made to show; the others are tested with real ones. */
import { describe, expect, it } from "vitest"
import { Evidence, type Failure } from "../../src/domain/connection/Evidence.ts"
import { connectionTrouble, inOneLine } from "../../src/domain/connectionTrouble.ts"

const NOW = Date.parse("2026-07-01T12:00:00Z")
const DAY = 86_400_000

const failure = (code: string | undefined, evidence?: Evidence, over: Partial<Failure> = {}): Failure => ({
  url: "https://collector.wg:8490",
  now: NOW,
  code,
  message: "words of the system's",
  evidence,
  ...over
})
const connecting = (over: Partial<ConstructorParameters<typeof Evidence>[0]> = {}) =>
  new Evidence({ phase: "connecting", tls: true, ...over })
const theirs = { issuer: "CN=lab CA", names: "DNS:collector.wg", from: NOW - DAY, until: NOW + DAY }

describe("connectionTrouble", () => {
  it.each([
    ["EAI_AGAIN", /no name service tells this host who collector\.wg is/, /resolv\.conf/],
    ["EHOSTUNREACH", /no way from this host to collector\.wg:8490/, /tunnel/],
    ["ENETUNREACH", /no way from this host to collector\.wg:8490/, /tunnel/],
    ["UND_ERR_CONNECT_TIMEOUT", /no connection to collector\.wg:8490 came about in time/, /firewall/],
    ["ETIMEDOUT", /came about in time/, /firewall/],
    ["EPERM", /does not let us connect/, /firewall/],
    ["EMFILE", /no file handles left/, /LimitNOFILE/],
    ["ERR_SSL_PACKET_LENGTH_TOO_LONG", /does not speak TLS/, /http:\/\//],
    ["ECONNRESET", /the connection to collector\.wg:8490 was cut/, /log/],
    ["ERR_SOMETHING_NEW", /^words of the system's$/, /curl -v https:\/\/collector\.wg:8490\/v1\/health/],
    [undefined, /^words of the system's$/, /curl/]
  ])("%s", (code, words, mend) => {
    const trouble = connectionTrouble(failure(code))
    expect(trouble.words).toMatch(words)
    expect(trouble.mend).toMatch(mend)
  })

  it("tells a certificate that has expired from an authority that has", () => {
    expect(connectionTrouble(failure("CERT_HAS_EXPIRED", connecting({ theirs }))).words).toMatch(
      /^an authority that vouches for the receiver's certificate has expired.*issued by CN=lab CA/
    )
  })

  it("does not blame our clock when theirs differs and their certificate has expired all the same", () => {
    const gone = { ...theirs, until: NOW - DAY }
    const trouble = connectionTrouble(
      failure("CERT_HAS_EXPIRED", connecting({ theirs: gone, theirClock: NOW + 10 * DAY }))
    )
    expect(trouble.words).toMatch(/^the receiver's certificate has expired on 2026-06-30/)
  })

  it("does not blame our clock for a difference of a minute", () => {
    const gone = { ...theirs, until: NOW - 30_000 }
    const trouble = connectionTrouble(
      failure("CERT_HAS_EXPIRED", connecting({ theirs: gone, theirClock: NOW - 60_000 }))
    )
    expect(trouble.words).toMatch(/^the receiver's certificate has expired/)
  })

  it.each([
    ["EACCES", /^mTLS material: client_key \/etc\/k may not be read by this user$/, /chown cis490 \/etc\/k/],
    ["EIO", /^mTLS material: client_key \/etc\/k cannot be read \(words of the system's\)$/, /ls -ld \/etc\/k/],
    ["toString", /cannot be read/, /ls -ld/]
  ])("a file that gives %s", (code, words, mend) => {
    const evidence = connecting({ material: { key: "client_key", path: "/etc/k" } })
    const trouble = connectionTrouble(failure(code, evidence))
    expect(trouble.words).toMatch(words)
    expect(trouble.mend).toMatch(mend)
  })

  it("keeps the code for who searches for it, once", () => {
    const trouble = { words: "it broke", mend: "mend it" }
    expect(inOneLine(trouble, "EBROKEN")).toBe("it broke (EBROKEN); to mend: mend it")
    expect(inOneLine({ ...trouble, words: "EBROKEN: it broke" }, "EBROKEN")).toBe("EBROKEN: it broke; to mend: mend it")
    expect(inOneLine(trouble, undefined)).toBe("it broke; to mend: mend it")
  })
})
