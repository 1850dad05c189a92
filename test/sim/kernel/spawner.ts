/** The one program that ours start: git, in a checkout that is a few files on the simulated disk. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { type PlatformError, systemError } from "effect/PlatformError"
import type { Command } from "effect/process/ChildProcess"
import { ChildProcessSpawner, ExitCode, make, makeHandle, ProcessId } from "effect/process/ChildProcessSpawner"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { Process } from "./process.ts"

/** Below a checkout: its branch, newest commit first, a line each. */
export const GIT_LOG = ".git/log"

interface Ran {
  readonly code: number
  readonly stdout: ReadonlyArray<string>
  readonly stderr: string
}

const failure = (stderr: string): Ran => ({ code: 128, stdout: [], stderr })

const notFound = (code: string): PlatformError =>
  systemError({
    _tag: "NotFound",
    module: "ChildProcess",
    method: "spawn",
    cause: Object.assign(new Error(`spawn git ${code}`), { code })
  })

/** Where the checkout is, and what is asked of it. */
const question = (args: ReadonlyArray<string>): { readonly path: string; readonly words: ReadonlyArray<string> } => {
  const at = args.indexOf("-C")
  return { path: args[at + 1] ?? "", words: args.slice(at + 2) }
}

const git = (process: Process, args: ReadonlyArray<string>): Ran => {
  const { path, words } = question(args)
  const bytes = process.machine.disk.current().read(`${path}/${GIT_LOG}`)
  if (bytes === undefined) return failure(`fatal: not a git repository: ${path}`)
  const commits = new TextDecoder()
    .decode(bytes)
    .split("\n")
    .filter((line) => line !== "")
  const answers: Readonly<Record<string, () => ReadonlyArray<string>>> = {
    "for-each-ref": () => commits.slice(0, 1),
    log: () => commits.slice(0, Number(words[words.indexOf("-n") + 1])),
    "rev-parse": () => ["false"]
  }
  const answer = answers[words[0] ?? ""]
  return answer === undefined
    ? failure(`git ${words.join(" ")} is not simulated`)
    : { code: 0, stdout: answer(), stderr: "" }
}

const bytesOf = (text: string) => Stream.make(new TextEncoder().encode(text))

const handleOf = (process: Process, { code, stderr, stdout }: Ran) =>
  makeHandle({
    pid: ProcessId(process.pid + 1),
    exitCode: Effect.succeed(ExitCode(code)),
    isRunning: Effect.succeed(false),
    kill: () => Effect.void,
    stdin: Sink.drain,
    stdout: bytesOf(stdout.map((line) => `${line}\n`).join("")),
    stderr: bytesOf(stderr),
    all: bytesOf(stdout.join("\n") + stderr),
    getInputFd: () => Sink.drain,
    getOutputFd: () => Stream.empty,
    unref: Effect.succeed(Effect.void)
  })

const spawn = (process: Process) => (command: Command) => {
  if (command._tag !== "StandardCommand" || command.command !== "git") return Effect.fail(notFound("ENOENT"))
  const args = command.args.map(String)
  return process.call(
    { service: "fs", method: "spawn", target: `git ${question(args).words[0] ?? ""}`, mutates: false },
    () => Exit.succeed(handleOf(process, git(process, args))),
    notFound
  )
}

export const layerSpawner = (process: Process): Layer.Layer<ChildProcessSpawner> =>
  Layer.succeed(ChildProcessSpawner, make(spawn(process)))
