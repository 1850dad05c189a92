/** Why this host does not believe the certificate that the receiver shows. */
import { formatTime } from "../time.ts"
import { type Failure, type Say, SET_CLOCK, type Trouble } from "./Evidence.ts"
import { nameOf } from "./host.ts"

/** More than clocks drift. */
const SKEW_MILLIS = 300_000

/** Two clocks that differ cannot both be right, and it is ours that the certificate contradicts. */
const clockWrong = ({ evidence, now }: Failure): Trouble | undefined => {
  const { theirClock, theirs } = evidence ?? {}
  if (theirClock === undefined || theirs === undefined || Math.abs(theirClock - now) < SKEW_MILLIS) return undefined
  if (theirClock < theirs.from || theirClock > theirs.until) return undefined
  return {
    words: `this host's clock is wrong: it says ${formatTime(now)}, the receiver's ${formatTime(theirClock)}, when its certificate is valid`,
    mend: `set this host's clock: ${SET_CLOCK}`
  }
}

export const expired: Say = (failure) => {
  const { evidence, now } = failure
  const theirs = evidence?.theirs
  const clock = clockWrong(failure)
  if (clock !== undefined) return clock
  if (theirs !== undefined && theirs.until > now) {
    return {
      words: `an authority that vouches for the receiver's certificate has expired, the certificate itself (issued by ${theirs.issuer}) has not`,
      mend: "renew the authority's certificate, in receiver.ca_bundle on this host or in tls.cert on the receiver"
    }
  }
  const when = theirs === undefined ? "" : ` on ${formatTime(theirs.until)}`
  return {
    words: `the receiver's certificate has expired${when}`,
    mend: `renew it on the receiver (tls.cert); if it is not ${formatTime(now)} now, set this host's clock: ${SET_CLOCK}`
  }
}

export const tooEarly: Say = (failure) => {
  const theirs = failure.evidence?.theirs
  const when = theirs === undefined ? "yet" : `before ${formatTime(theirs.from)}`
  return (
    clockWrong(failure) ?? {
      words: `the receiver's certificate is not valid ${when}, and this host's clock says ${formatTime(failure.now)}`,
      mend: `if this host's clock is behind, set it: ${SET_CLOCK}; else give the receiver a certificate that is valid (tls.cert)`
    }
  )
}

export const wrongName: Say = ({ evidence, url }) => ({
  words: `the receiver's certificate is for ${evidence?.theirs?.names ?? "another name"}, not for ${nameOf(url)}`,
  mend: "write a name that it is for into receiver.url, or give the receiver a certificate for this one (tls.cert)"
})

export const unknownIssuer: Say = ({ evidence }) => ({
  words: `the receiver's certificate was issued by ${evidence?.theirs?.issuer ?? "an authority"}, whom this host does not trust`,
  mend: "put the certificate of the authority that issued it into a PEM file, and name that file as receiver.ca_bundle"
})
