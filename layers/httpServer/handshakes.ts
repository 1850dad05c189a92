/** Handshakes that fail, in words, and never more lines than somebody would read. */

/** At most one line in so much time. */
const EVERY_MS = 10_000

/** By the codes of Node and OpenSSL. The rest is told by its code: what a stranger sent is not repeated. */
const causes: Readonly<Record<string, string>> = {
  ECONNRESET: "the client went away",
  ERR_SSL_HTTP_REQUEST: "the client speaks HTTP without TLS",
  ERR_SSL_NO_SHARED_CIPHER: "the client offers no cipher that is good enough",
  ERR_SSL_NO_APPLICATION_PROTOCOL: "the client does not speak HTTP/1.1",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "the client offers no version of TLS that is good enough; it takes 1.2 or later",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "the client does not know the authority behind tls.cert",
  "ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE": "the client does not accept tls.cert",
  "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED": "to the client tls.cert has expired",
  "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN": "the client does not accept tls.cert",
  ERR_SSL_WRONG_VERSION_NUMBER: "the client does not speak TLS",
  ERR_TLS_HANDSHAKE_TIMEOUT: "the client took too long"
}

export interface FailedHandshake {
  readonly from: string
  readonly cause: string
  /** Failures since the last line that went without one. */
  readonly unsaid: number
}

/** `say` gets what is to be logged. */
export const limitHandshakes = (say: (failed: FailedHandshake) => void, now = () => performance.now()) => {
  let last = -Infinity
  let unsaid = 0
  return (error: NodeJS.ErrnoException, from: string): void => {
    if (now() - last < EVERY_MS) {
      unsaid++
      return
    }
    const code = error.code ?? "unknown"
    say({ from, cause: causes[code] ?? code, unsaid })
    last = now()
    unsaid = 0
  }
}
