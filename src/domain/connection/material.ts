/** Why a PEM file of ours cannot be used. It is tried again with the next connection. */
import type { Say, Trouble } from "./Evidence.ts"

type Bad = { readonly key: string; readonly path: string }

/** Ours: there is a file, and it is not what it should be. */
export const NOT_PEM = "NOT_PEM"
/** Ours: the key is another certificate's. */
export const MISMATCH = "MISMATCH"

const table: Readonly<Record<string, (bad: Bad) => Trouble>> = {
  ENOENT: ({ key, path }) => ({
    words: `${key} ${path} is not there`,
    mend: "put it there: it is used as soon as it is"
  }),
  EACCES: ({ key, path }) => ({
    words: `${key} ${path} may not be read by this user`,
    mend: `sudo chown cis490 ${path}, and let that user through the directories above it`
  }),
  [NOT_PEM]: ({ key, path }) => ({
    words: `${key} ${path} holds no ${key === "client_key" ? "private key" : "certificate"} in PEM that can be used`,
    mend: `see what it is: sudo head -n 1 ${path}`
  }),
  [MISMATCH]: ({ key, path }) => ({
    words: `${key} ${path} does not belong to the certificate in client_cert`,
    mend: "put the certificate and the key of one and the same issue there"
  })
}

export const materialTrouble =
  (bad: Bad): Say =>
  ({ code = "", message }) => {
    const row = Object.hasOwn(table, code) ? table[code] : undefined
    const trouble = row?.(bad) ?? {
      words: `${bad.key} ${bad.path} cannot be read (${message})`,
      mend: `see what it is: sudo ls -ld ${bad.path}`
    }
    return { words: `mTLS material: ${trouble.words}`, mend: trouble.mend }
  }
