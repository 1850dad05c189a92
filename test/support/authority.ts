/** A certificate authority of openssl's that issues whatever it is asked for. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"

export interface Wanted {
  /** As `openssl req -subj` takes it: `/CN=lab-1`; `/` for an empty one. */
  readonly subject: string
  /** As `subjectAltName` in x509v3_config(5): `DNS:lab-1`. */
  readonly names?: string
  /** Lines of the extension section. */
  readonly extensions?: ReadonlyArray<string>
  /** YYYYMMDDHHMMSSZ. */
  readonly from?: string
  readonly until?: string
}

/** Paths of PEM files. */
export interface Issued {
  readonly cert: string
  readonly key: string
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
const ANYTHING = "[any]\ncommonName=optional\norganizationName=optional\n"

export const makeAuthority = (directory: string, name: string) => {
  const at = (file: string): string => join(directory, `${name}-${file}`)
  const openssl = (...args: ReadonlyArray<string>): string =>
    execFileSync("openssl", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
  const authority = { cert: at("ca.pem"), key: at("ca.key") }
  const usage = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
  openssl(
    "req",
    "-x509",
    ...NEW_KEY,
    "-days",
    "30",
    "-subj",
    `/CN=${name}`,
    "-keyout",
    authority.key,
    "-out",
    authority.cert,
    ...usage.flatMap((line) => ["-addext", line])
  )
  fs.writeFileSync(at("index"), "")
  fs.writeFileSync(at("index.attr"), "unique_subject = no\n")

  let count = 0
  const issue = ({ extensions = [], from, names, subject, until }: Wanted): Issued => {
    const number = ++count
    const issued = { cert: at(`${number}.pem`), key: at(`${number}.key`) }
    const lines = [...(names === undefined ? [] : [`subjectAltName=${names}`]), ...extensions]
    const section = lines.length === 0 ? "basicConstraints=CA:FALSE" : lines.join("\n")
    fs.writeFileSync(
      at("cnf"),
      `[ca]\ndefault_ca=it\n[it]\ndatabase=${at("index")}\nserial=${at("serial")}\nnew_certs_dir=${directory}\ndefault_md=sha256\npolicy=any\nstring_mask=utf8only\nx509_extensions=leaf\n${ANYTHING}[leaf]\n${section}\n`
    )
    openssl("req", ...NEW_KEY, "-utf8", "-subj", subject, "-keyout", issued.key, "-out", at("csr"))
    const when = ["-startdate", from ?? "20250101000000Z", "-enddate", until ?? "20991231235959Z"]
    openssl(
      "ca",
      "-batch",
      "-notext",
      "-utf8",
      "-config",
      at("cnf"),
      "-rand_serial",
      "-cert",
      authority.cert,
      "-keyfile",
      authority.key,
      ...when,
      "-in",
      at("csr"),
      "-out",
      issued.cert
    )
    return issued
  }
  return { ...authority, issue }
}
export type Authority = ReturnType<typeof makeAuthority>
