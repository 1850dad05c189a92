/** Why the receiver does not let this host's certificate in: it says little, and under TLS 1.3 often nothing, when it closes. */
import { formatTime } from "../time.ts"
import { type Failure, type Say, SET_CLOCK, type Trouble } from "./Evidence.ts"

/** What we see ourselves. */
const seenHere = ({ evidence, now }: Failure): Trouble | undefined => {
  const own = evidence?.own
  if (own === undefined) return undefined
  if (own.until < now) {
    return {
      words: `the receiver closed the connection: this host's certificate ${own.path} has expired on ${formatTime(own.until)}`,
      mend: `have it renewed, and put the new one there; if it is not ${formatTime(now)} now, set this host's clock: ${SET_CLOCK}`
    }
  }
  if (own.from > now) {
    return {
      words: `the receiver closed the connection: this host's certificate ${own.path} is not valid before ${formatTime(own.from)}, and its clock says ${formatTime(now)}`,
      mend: `if this host's clock is behind, set it: ${SET_CLOCK}; else use a certificate that is valid`
    }
  }
  return undefined
}

const SET_CERTIFICATE =
  "set receiver.client_cert and receiver.client_key to what the receiver's authority issued for this host"

export const refused: Say = (failure) => {
  const own = failure.evidence?.own
  if (own === undefined) {
    return { words: "the receiver wants a certificate of this host, and was shown none", mend: SET_CERTIFICATE }
  }
  return (
    seenHere(failure) ?? {
      words: `the receiver refuses this host's certificate ${own.path} (for ${own.names}, issued by ${own.issuer})`,
      mend: "use one that the receiver's authority issued (tls.client_ca there), that it has not revoked, and that is valid by its clock"
    }
  )
}

/** TLS 1.2 says no more than this to who shows no certificate. */
export const noAgreement: Say = (failure) =>
  failure.evidence?.own === undefined
    ? {
        words: "the receiver broke the TLS handshake off: it may want a certificate of this host",
        mend: SET_CERTIFICATE
      }
    : refused(failure)

/** The handshake stood, or nearly, and then there was no word more. */
export const closedSilently: Say = (failure) => {
  const own = failure.evidence?.own
  const known = seenHere(failure)
  if (known !== undefined) return known
  return own === undefined
    ? {
        words: "the receiver closed the TLS connection without a word: it may want a certificate of this host",
        mend: `${SET_CERTIFICATE}, if it does; else see its log, and what is in front of it`
      }
    : {
        words: `the receiver closed the TLS connection without a word: it may not take this host's certificate ${own.path} (for ${own.names}, issued by ${own.issuer})`,
        mend: "see the receiver's log: its tls.client_ca must hold the authority that issued this certificate"
      }
}
