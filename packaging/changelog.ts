/** Debian's changelog, from the newest part of CHANGELOG.md. */
import { epoch, read } from "./checkout.ts"

/** Who answers for the packages. */
export const MAINTAINER = "The CIS490 authors <cis490@lab.example>"

const newest = (): ReadonlyArray<string> => {
  const [, part = ""] = read("CHANGELOG.md").split(/^## .*$/m)
  return part
    .replaceAll(/^### .*$/gm, "")
    .split(/^- /m)
    .slice(1)
    .map((item) => item.replaceAll(/\s+/g, " ").trim())
}

const WIDTH = 76

const wrapped = (text: string): string => {
  const lines = [""]
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? ""
    if (line.length + word.length > WIDTH - 4) lines.push(word)
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`
  }
  return `  * ${lines.join("\n    ")}`
}

/** RFC 5322, as deb-changelog(5) wants it. */
const date = (): string => new Date(epoch * 1000).toUTCString().replace("GMT", "+0000")

export const debianChangelog = (name: string, debianVersion: string): string =>
  [
    `${name} (${debianVersion}) unstable; urgency=medium`,
    "",
    ...newest().map(wrapped),
    "",
    ` -- ${MAINTAINER}  ${date()}`,
    ""
  ].join("\n")
