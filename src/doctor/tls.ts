/** The PEM files of TLS: there, sound, not about to expire, fitting each other. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { duration } from "../domain/humanize.ts"
import { runOuts } from "../domain/revocationList.ts"
import { formatTime } from "../domain/time.ts"
import { orMissing } from "../presence.ts"
import { type Certificate, Certificates } from "../services/Certificates.ts"
import { unlessClosed } from "./closedTo.ts"
import { ofNobody, type Renewal } from "./renewal.ts"
import { about, type Finding, green, red, yellow } from "./row.ts"
import { word } from "./shell.ts"

const DAY_MILLIS = 86_400_000
const SOON_MILLIS = 14 * DAY_MILLIS
const NOW_MILLIS = 2 * DAY_MILLIS

/** All of a chain are needed; of a bundle of authorities each stands for itself. */
export type Kind = "chain" | "authorities"

/** The file as it was found. `undefined`: not there. */
type Pem = string | undefined

const show = (file: string): string =>
  `openssl storeutl -noout -text -certs ${word(file)} | grep -E 'Subject:|Issuer:|Not (Before|After)'`

const missing = (file: string): Finding => red("not there", `ls -ld ${word(file)}`)

const decisive = (certificates: ReadonlyArray<Certificate>, kind: Kind, now: number): Certificate | undefined => {
  const byEnd = certificates.toSorted((a, b) => a.until - b.until)
  const valid = byEnd.filter(({ from, until }) => from <= now && until > now)
  // An authority that has had its day harms nobody while another is there.
  return kind === "authorities" && valid.length > 0 ? valid[0] : byEnd[0]
}

export const judgeCertificates = (
  certificates: ReadonlyArray<Certificate>,
  {
    file,
    kind,
    now,
    renewal = ofNobody
  }: { readonly file: string; readonly kind: Kind; readonly now: number; readonly renewal?: Renewal }
): Finding => {
  const early = kind === "chain" ? certificates.find(({ from }) => from > now) : undefined
  if (early !== undefined) {
    return red(
      `not valid before ${formatTime(early.from)}: a wrong clock, or the wrong certificate (${early.subject})`,
      show(file)
    )
  }
  const first = decisive(certificates, kind, now)
  if (first === undefined) return missing(file)
  const left = first.until - now
  const until = formatTime(first.until)
  const mend = renewal(first) ?? show(file)
  if (left <= 0) return red(`expired ${duration(-left)} ago, on ${until} (${first.subject})`, mend)
  const found = `expires in ${duration(left)}, on ${until} (${first.subject})`
  if (left < NOW_MILLIS) return red(found, mend)
  return left < SOON_MILLIS ? yellow(found, mend) : green(found)
}

const broken = (why: string, tool: "x509" | "pkey", file: string): Finding =>
  red(`it ${why}`, `openssl ${tool} -noout -in ${word(file)}`)

const readPem = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* orMissing(fs.readFileString(file))
})

const judgeCertificateFile = Effect.fnUntraced(function* (
  file: string,
  kind: Kind,
  pem: Pem,
  renewal: Renewal = ofNobody
) {
  if (pem === undefined) return missing(file)
  const certificates = yield* Certificates
  const now = yield* Clock.currentTimeMillis
  return yield* certificates.read(pem).pipe(
    Effect.match({
      onFailure: ({ why }) => broken(why, "x509", file),
      onSuccess: (all) => judgeCertificates(all, { file, kind, now, renewal })
    })
  )
})

export const judgeKey = (belongs: boolean, certificate: string): Finding =>
  belongs
    ? green(`belongs to ${certificate}`)
    : red(`belongs to another certificate than ${certificate}`, show(certificate))

const judgeKeyFile = Effect.fnUntraced(function* (file: string, key: Pem, certificate: string, pem: Pem) {
  if (key === undefined) return missing(file)
  const certificates = yield* Certificates
  // A certificate that is missing or broken has a row of its own.
  if (pem === undefined) return green("there")
  const readable = yield* Effect.match(certificates.read(pem), { onFailure: () => false, onSuccess: () => true })
  if (!readable) return green("there")
  return yield* certificates.belongs(key, pem).pipe(
    Effect.match({
      onFailure: ({ why }) => broken(why, "pkey", file),
      onSuccess: (belongs) => judgeKey(belongs, certificate)
    })
  )
})

/** One that has run out lets no host in. They are renewed often, some of them weekly. */
export const judgeLists = (lists: ReadonlyArray<number | "never" | undefined>, file: string, now: number): Finding => {
  const show = `openssl crl -noout -issuer -lastupdate -nextupdate -in ${word(file)}`
  if (lists.length === 0) return red("it holds no revocation list in PEM", show)
  if (lists.includes(undefined)) return red("it holds a revocation list that is broken", show)
  const times = lists.filter((list) => typeof list === "number")
  const first = Math.min(...times)
  if (times.length === 0) return green("never runs out")
  if (first <= now) return red(`ran out ${duration(now - first)} ago: no host's certificate is let in`, show)
  const found = `runs out in ${duration(first - now)}, on ${formatTime(first)}`
  return first - now < NOW_MILLIS ? yellow(found, show) : green(found)
}

const aboutFile = (file: string, finding: Finding) =>
  Effect.map(unlessClosed([file], finding), (said) => about(file, said))

export const lookAtLists = Effect.fnUntraced(function* (file: string) {
  const pem = yield* readPem(file)
  const now = yield* Clock.currentTimeMillis
  return [yield* aboutFile(file, pem === undefined ? missing(file) : judgeLists(runOuts(pem), file, now))]
})

export const lookAtAuthorities = Effect.fnUntraced(function* (file: string) {
  return [yield* aboutFile(file, yield* judgeCertificateFile(file, "authorities", yield* readPem(file)))]
})

export const lookAtCertificate = Effect.fnUntraced(function* (file: string, renewal: Renewal = ofNobody) {
  return [yield* aboutFile(file, yield* judgeCertificateFile(file, "chain", yield* readPem(file), renewal))]
})

export const lookAtKey = Effect.fnUntraced(function* (file: string, certificate: string) {
  const finding = yield* judgeKeyFile(file, yield* readPem(file), certificate, yield* readPem(certificate))
  return [yield* aboutFile(file, finding)]
})
