/** What a program asked of the kernel, in order, with paths for its descriptors. */
import { readFileSync } from "node:fs"

export interface Call {
  readonly name: string
  /** As strace prints them, descriptors with their paths: `17</tmp/x>`. */
  readonly args: string
  readonly result: string
  /** Positions in the whole trace: two calls overlap when one began before the other ended. */
  readonly began: number
  readonly ended: number
}

const FSYNC = ["fsync", "fdatasync"]
const CALLS = [...FSYNC, "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "openat", "mkdir"]
const WRITES = ["write", "writev", "pwrite64", "pwritev", "sendto", "sendmsg"]

/** Put before a program; `file` takes what it does. */
export const tracedTo = (file: string): ReadonlyArray<string> => {
  const calls = [...CALLS, ...WRITES].join(",")
  return ["strace", "-f", "-qq", "-y", "-s", "64", "--signal=none", "-e", `trace=${calls}`, "-o", file]
}

const UNFINISHED = " <unfinished ...>"

/** Puts the two halves of calls together that another thread came between. */
export const readTrace = (file: string): ReadonlyArray<Call> => {
  const open = new Map<string, { readonly text: string; readonly began: number }>()
  const calls: Array<Call> = []
  for (const [at, line] of readFileSync(file, "utf8").split("\n").entries()) {
    const [, thread = "", text = ""] = /^(\d+) +(.*)$/.exec(line) ?? []
    if (text.endsWith(UNFINISHED)) {
      open.set(thread, { text: text.slice(0, -UNFINISHED.length), began: at })
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)
    const begun = resumed === null ? undefined : open.get(thread)
    const whole = resumed === null ? text : `${begun?.text ?? ""}${resumed[1]}`
    const [, name, args = "", result = ""] = /^(\w+)\((.*)\) += (.*)$/.exec(whole) ?? []
    if (name !== undefined) calls.push({ name, args, result, began: begun?.began ?? at, ended: at })
  }
  return calls
}

/** A step that must be seen: which calls are it. */
export interface Step {
  readonly what: string
  readonly is: (call: Call) => boolean
}

const succeeded = ({ result }: Call): boolean => !result.startsWith("-1")

/** A descriptor's path ends with this. */
const onFile = (args: string, path: RegExp): boolean => path.test(/^\d+<([^>]*)>/.exec(args)?.[1] ?? "")

export const sync = (path: RegExp): Step => ({
  what: `sync of ${path}`,
  is: (call) => FSYNC.includes(call.name) && onFile(call.args, path) && succeeded(call)
})

export const write = (path: RegExp, text: RegExp = /^/): Step => ({
  what: `write of ${text} to ${path}`,
  is: (call) => WRITES.includes(call.name) && onFile(call.args, path) && text.test(call.args) && succeeded(call)
})

const pathsIn = (args: string): ReadonlyArray<string> => [...args.matchAll(/"([^"]*)"/g)].map(([, path = ""]) => path)

const naming = (verb: string, from: RegExp, to?: RegExp): Step => ({
  what: `${verb} of ${from}${to === undefined ? "" : ` to ${to}`}`,
  is: (call) => {
    const [first = "", second = ""] = pathsIn(call.args)
    return call.name.startsWith(verb) && from.test(first) && (to?.test(second) ?? true) && succeeded(call)
  }
})
export const rename = (from: RegExp, to: RegExp): Step => naming("rename", from, to)
export const link = (from: RegExp, to: RegExp): Step => naming("link", from, to)
export const unlink = (path: RegExp): Step => naming("unlink", path)

/** Says which step is missing or began before the one before it had ended; `undefined` when all came in this order. */
export const outOfOrder = (calls: ReadonlyArray<Call>, steps: ReadonlyArray<Step>): string | undefined => {
  let after = -1
  let last = "the beginning"
  for (const { is, what } of steps) {
    const call = calls.find((one) => one.began > after && is(one))
    if (call === undefined) {
      return calls.some(is) ? `${what} only came before ${last} had ended` : `no ${what}`
    }
    after = call.ended
    last = what
  }
  return undefined
}
