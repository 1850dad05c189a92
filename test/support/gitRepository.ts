/** Real git repositories with made-up histories. */
import { execFileSync } from "node:child_process"

const PERSON = "Recorder <recorder@lab.example>"
const EPOCH = 1_700_000_000

/** What the machine or the one who tests has configured does not count. */
const ENVIRONMENT = {
  PATH: process.env.PATH,
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_TERMINAL_PROMPT: "0",
  GIT_AUTHOR_NAME: "Recorder",
  GIT_AUTHOR_EMAIL: "recorder@lab.example",
  GIT_COMMITTER_NAME: "Recorder",
  GIT_COMMITTER_EMAIL: "recorder@lab.example"
}

export const runGit = (path: string, args: ReadonlyArray<string>, input = ""): string =>
  execFileSync("git", ["-C", path, ...args], { encoding: "utf8", env: ENVIRONMENT, input, stdio: "pipe" }).trim()

/** A repository in an existing empty directory, on branch `main`, without a commit. */
export const makeRepository = (path: string, ...init: ReadonlyArray<string>) => {
  runGit(path, ["init", "--quiet", "--initial-branch=main", ...init])
  const git = (...args: ReadonlyArray<string>) => runGit(path, args)
  let clock = EPOCH

  /** Adds so many commits to a branch; the first one goes onto `from`, or begins a history of its own. */
  const add = (count: number, branch = "main", from?: string): void => {
    const commits = Array.from({ length: count }, (_, i) => {
      const parent = i === 0 && from !== undefined ? `from ${from}\n` : ""
      const message = `commit ${(clock += 60)}`
      return `commit refs/heads/${branch}\ncommitter ${PERSON} ${clock} +0000\ndata ${message.length}\n${message}\n${parent}\n`
    })
    runGit(path, ["fast-import", "--quiet", "--force"], commits.join(""))
  }

  /** As git itself says them, newest first. */
  const log = (branch = "main"): ReadonlyArray<string> => git("log", "--format=%H", branch, "--").split("\n")

  return { path, git, add, log }
}
export type Repository = ReturnType<typeof makeRepository>
