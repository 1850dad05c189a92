/** What goes wrong on the way to a receiver, with real sockets, and what a person is told about it. */
import { once } from "node:events"
import * as fs from "node:fs"
import * as http from "node:http"
import * as https from "node:https"
import * as net from "node:net"
import * as tls from "node:tls"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerHttpClient } from "../../layers/HttpClient.ts"
import { HostId } from "../../src/domain/names.ts"
import type { TlsFiles } from "../../src/services/Transport.ts"
import { Destination } from "../../src/shipper/Destination.ts"
import { Link } from "../../src/shipper/Link.ts"
import { ask } from "../../src/shipper/Receiver.ts"
import { scratchDirectory } from "../support/scratch.ts"

const pem = (name: string): string => new URL(`../support/pem/trouble/${name}`, import.meta.url).pathname
const read = (name: string): Buffer => fs.readFileSync(pem(name))
const ca_bundle = pem("lab-ca.pem")
const trusting: TlsFiles = { ca_bundle, verify_tls: true }
const showing = (name: string): TlsFiles => ({
  ...trusting,
  client_cert: pem(`${name}.pem`),
  client_key: pem(`${name}.key`)
})

const open = (server: net.Server) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      return (server.address() as net.AddressInfo).port
    }),
    () => Effect.sync(() => void server.close())
  )

const answer: http.RequestListener = (request, response) => {
  request.resume()
  response.writeHead(200, { connection: "close" }).end()
}
const withCertificate = (name: string, options: https.ServerOptions = {}) =>
  open(https.createServer({ cert: read(`${name}.pem`), key: read(`${name}.key`), ...options }, answer))
/** Lets in who shows a certificate of the lab's, as Node does by itself: it says nothing to who does not. */
const mutual = (version: tls.SecureVersion) =>
  withCertificate("server", {
    ca: read("lab-ca.pem"),
    requestCert: true,
    rejectUnauthorized: true,
    maxVersion: version
  })
/** Ends every connection with a TLS alert, as another implementation would. */
const alerting = (description: number) =>
  open(
    net.createServer((socket) => socket.once("data", () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, description]))))
  )

/** As `ping` says it: what is wrong, and what mends it. */
const troubleOf = (url: string, files: TlsFiles) =>
  Effect.flip(ask({})).pipe(
    Effect.map(({ error }) => {
      // The code goes behind the words, for who searches for it.
      const [words = "", mend = "", ...more] = error.split("; to mend: ")
      expect([...more, ...error.split("\n").slice(1)], error).toEqual([])
      return { words: words.replace(/ \([A-Z][\w/]+\)$/, ""), mend }
    }),
    Effect.provideService(Destination, {
      url,
      hostId: HostId.make("lab-1"),
      token: Effect.succeed(undefined),
      requestTimeoutSeconds: 30
    }),
    Effect.provide(Layer.merge(layerHttpClient(files), Link.layerUnlimited))
  )

const secureUrl = (port: number, host = "localhost"): string => `https://${host}:${port}`

interface Case {
  readonly when: string
  readonly url: Effect.Effect<string, never, import("effect/Scope").Scope>
  readonly files?: TlsFiles
  readonly words: RegExp
  readonly mend: RegExp
}

const at = (server: ReturnType<typeof withCertificate>, host?: string) =>
  Effect.map(server, (port) => secureUrl(port, host))

const cases: ReadonlyArray<Case> = [
  {
    when: "the receiver's certificate has expired",
    url: at(withCertificate("server-expired")),
    words: /^the receiver's certificate has expired on 2021-01-01T/,
    mend: /^renew it on the receiver .*timedatectl/
  },
  {
    when: "the receiver's certificate is not valid yet",
    url: at(withCertificate("server-future")),
    words: /^the receiver's certificate is not valid before 2120-01-01T.*, and this host's clock says 20/,
    mend: /timedatectl/
  },
  {
    when: "the certificate is for another name",
    url: at(withCertificate("server-elsewhere")),
    words: /^the receiver's certificate is for DNS:elsewhere\.example, not for localhost$/,
    mend: /receiver\.url/
  },
  {
    when: "the certificate is for another address",
    url: at(withCertificate("server-elsewhere"), "127.0.0.1"),
    words: /is for DNS:elsewhere\.example, not for 127\.0\.0\.1$/,
    mend: /receiver\.url/
  },
  {
    when: "another authority issued the certificate",
    url: at(withCertificate("server-stranger")),
    words: /^the receiver's certificate was issued by CN=stranger-ca, whom this host does not trust$/,
    mend: /receiver\.ca_bundle/
  },
  {
    when: "no authority is configured and the system knows none for it",
    url: at(withCertificate("server")),
    files: { verify_tls: true },
    words: /was issued by CN=lab-ca, whom this host does not trust$/,
    mend: /receiver\.ca_bundle/
  },
  {
    when: "the receiver wants a certificate, TLS 1.3",
    url: at(mutual("TLSv1.3")),
    words: /^the receiver wants a certificate of this host, and was shown none$/,
    mend: /receiver\.client_cert/
  },
  {
    when: "the receiver wants a certificate, TLS 1.2",
    url: at(mutual("TLSv1.2")),
    words: /may want a certificate of this host$/,
    mend: /receiver\.client_cert/
  },
  ...(["TLSv1.3", "TLSv1.2"] as const).flatMap(
    (version): ReadonlyArray<Case> => [
      {
        when: `this host's certificate has expired, and it is not told so, ${version}`,
        url: at(mutual(version)),
        files: showing("client-expired"),
        words: /this host's certificate \S*client-expired\.pem has expired on 2021-01-01T/,
        mend: /renewed/
      },
      {
        when: `this host's certificate is not valid yet, and it is not told so, ${version}`,
        url: at(mutual(version)),
        files: showing("client-future"),
        words: /this host's certificate \S*client-future\.pem is not valid before 2120-01-01T/,
        mend: /timedatectl/
      },
      {
        when: `another authority issued this host's certificate, and it is not told so, ${version}`,
        url: at(mutual(version)),
        files: showing("client-stranger"),
        words:
          /without a word: it may not take this host's certificate \S*client-stranger\.pem \(for DNS:lab-1, issued by CN=stranger-ca\)/,
        mend: /tls\.client_ca/
      }
    ]
  ),
  {
    when: "the receiver says that it does not know the authority (alert 48)",
    url: at(alerting(48)),
    files: showing("client-stranger"),
    words:
      /^the receiver refuses this host's certificate \S*client-stranger\.pem \(for DNS:lab-1, issued by CN=stranger-ca\)/,
    mend: /tls\.client_ca/
  },
  {
    when: "the receiver says that the certificate has expired (alert 45), and ours has not by our clock",
    url: at(alerting(45)),
    files: showing("client"),
    words: /^the receiver refuses this host's certificate/,
    mend: /valid by its clock/
  },
  {
    when: "the receiver says that the certificate is bad (alert 42)",
    url: at(alerting(42)),
    files: showing("client-expired"),
    words: /has expired on 2021-01-01T/,
    mend: /renewed/
  },
  {
    when: "the other side knows no site of that name (alert 112)",
    url: at(alerting(112)),
    words: /has no certificate for that name/,
    mend: /receiver\.url/
  },
  {
    when: "no version of TLS in common (alert 70)",
    url: at(alerting(70)),
    words: /no version of TLS in common/,
    mend: /TLS 1\.2 or 1\.3/
  },
  {
    when: "https is spoken to a port for http",
    url: at(open(http.createServer(answer))),
    words: /does not speak TLS$/,
    mend: /http:\/\//
  },
  {
    when: "http is spoken to a port for https",
    url: Effect.map(withCertificate("server"), (port) => `http://localhost:${port}`),
    words: /closed the connection without a word$/,
    mend: /https:\/\//
  },
  {
    when: "http is answered with a TLS alert",
    url: Effect.map(alerting(10), (port) => `http://localhost:${port}`),
    words: /does not speak HTTP$/,
    mend: /https:\/\//
  },
  {
    when: "the handshake is cut",
    url: at(open(net.createServer((socket) => socket.end()))),
    words: /closed the TLS connection without a word/,
    mend: /log/
  },
  {
    when: "nobody listens",
    url: Effect.map(Effect.scoped(open(net.createServer())), (port) => `https://127.0.0.1:${port}`),
    words: /^the connection to 127\.0\.0\.1:\d+ was refused/,
    mend: /start the receiver/
  },
  {
    when: "the name is not known",
    url: Effect.succeed("https://collector.invalid:8490"),
    words: /^(the name collector\.invalid is not known|no name service tells this host who collector\.invalid is)$/,
    mend: /getent hosts collector\.invalid/
  },
  {
    when: "there is no way",
    url: Effect.succeed("https://255.255.255.255:8490"),
    words: /^(there is no way from this host to|this host does not let us connect to) 255\.255\.255\.255:8490$/,
    mend: /network|firewall/
  }
]

describe("connectionTrouble, with real sockets", () => {
  it.live.each(cases)("$when", ({ files = trusting, mend, url, words }) =>
    Effect.gen(function* () {
      const trouble = yield* troubleOf(yield* url, files)
      expect(trouble.words).toMatch(words)
      expect(trouble.mend).toMatch(mend)
    })
  )

  it.live("says that our own clock is wrong when the other side's fits its certificate", () =>
    Effect.gen(function* () {
      // A receiver that lives in 2020, where its certificate is valid.
      const then = new Date("2020-06-01T00:00:00Z")
      const port = yield* open(
        https.createServer({ cert: read("server-expired.pem"), key: read("server-expired.key") }, (_, response) =>
          response.setHeader("date", then.toUTCString()).end()
        )
      )
      const trouble = yield* troubleOf(secureUrl(port), trusting)
      expect(trouble.words).toMatch(
        /^this host's clock is wrong: it says 20\d\d-.*, the receiver's 2020-06-01T00:00:00/
      )
      expect(trouble.mend).toContain("timedatectl")
    })
  )
})

describe("connectionTrouble, files that cannot be used", () => {
  const materialCases: ReadonlyArray<
    readonly [what: string, over: (directory: string) => Partial<TlsFiles>, words: RegExp, mend: RegExp]
  > = [
    [
      "a CA that is missing",
      (d) => ({ ca_bundle: `${d}/none.pem` }),
      /^mTLS material: ca_bundle \S+none\.pem is not there$/,
      /put it there/
    ],
    [
      "a CA that is a directory",
      (d) => ({ ca_bundle: d }),
      /^mTLS material: ca_bundle \S+ cannot be read \(.*EISDIR/,
      /ls -ld/
    ],
    [
      "a CA that is empty",
      (d) => ({ ca_bundle: `${d}/empty` }),
      /^mTLS material: ca_bundle \S+ holds no certificate in PEM/,
      /head -n 1/
    ],
    [
      "a CA that is junk",
      (d) => ({ ca_bundle: `${d}/junk` }),
      /^mTLS material: ca_bundle \S+ holds no certificate in PEM/,
      /head -n 1/
    ],
    [
      "a certificate that is a key",
      () => ({ client_cert: pem("client.key") }),
      /^mTLS material: client_cert \S+ holds no certificate/,
      /head/
    ],
    [
      "a key that is a certificate",
      () => ({ client_key: pem("client.pem") }),
      /^mTLS material: client_key \S+ holds no private key/,
      /head/
    ],
    [
      "a key of another certificate",
      () => ({ client_key: pem("client-expired.key") }),
      /^mTLS material: client_key \S+ does not belong to the certificate in client_cert$/,
      /same issue/
    ]
  ]

  it.live.each(materialCases)("%s", ([, over, words, mend]) =>
    Effect.gen(function* () {
      const directory = yield* scratchDirectory
      fs.writeFileSync(`${directory}/empty`, "")
      fs.writeFileSync(`${directory}/junk`, "junk\n")
      const url = secureUrl(yield* withCertificate("server"))
      const trouble = yield* troubleOf(url, { ...showing("client"), ...over(directory) })
      expect(trouble.words).toMatch(words)
      expect(trouble.mend).toMatch(mend)
    })
  )
})
