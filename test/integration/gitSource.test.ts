/** Checkouts as they are found on machines, and what git makes of them. */
import * as fs from "node:fs"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { withDeadline } from "../../src/receiver/commitSource/deadline.ts"
import * as Git from "../../src/receiver/commitSource/git.ts"
import { asked } from "../support/commitSourceContract.ts"
import { makeRepository, runGit } from "../support/gitRepository.ts"
import { scratchDirectory } from "../support/scratch.ts"
import { until } from "../support/wire.ts"

const ask = (path: string, window = 100, branch = "main") =>
  asked(Git.layer({ path, branch, window }).pipe(Layer.provide(NodeServices.layer)))

const repositoryOf = Effect.fnUntraced(function* (commits: number, ...init: ReadonlyArray<string>) {
  const repository = makeRepository(yield* scratchDirectory, ...init)
  if (commits > 0) repository.add(commits)
  return repository
})

/** Changes this process's environment, which git inherits, as long as the scope is open. */
const variable = (name: string, value: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = process.env[name]
      process.env[name] = value
      return before
    }),
    (before) =>
      Effect.sync(() => {
        if (before === undefined) delete process.env[name]
        else process.env[name] = before
      })
  )

const clone = Effect.fnUntraced(function* (from: string, ...options: ReadonlyArray<string>) {
  const path = yield* scratchDirectory
  runGit(path, ["clone", "--quiet", ...options, `file://${from}`, "."])
  return path
})

describe("a checkout", () => {
  it.live("with exactly as many commits as the window is whole", () =>
    Effect.gen(function* () {
      const { log, path } = yield* repositoryOf(100)
      expect(yield* ask(path, 100)).toEqual({ commits: log() })
      expect((yield* ask(path, 99)).commits).toEqual(log().slice(0, 99))
    })
  )

  it.live("that is shallow says what it may lack, unless it holds the window", () =>
    Effect.gen(function* () {
      const { log, path } = yield* repositoryOf(20)
      const shallow = yield* clone(path, "--depth=10")
      expect(yield* ask(shallow, 10)).toEqual({ commits: log().slice(0, 10) })
      const lacking = yield* ask(shallow, 11)
      expect(lacking.commits).toEqual(log().slice(0, 10))
      expect(lacking.shortfall).toContain(`git -C ${shallow} fetch --unshallow`)
      runGit(shallow, ["fetch", "--quiet", "--unshallow"])
      expect(yield* ask(shallow, 11)).toEqual({ commits: log().slice(0, 11) })
    })
  )

  it.live("whose HEAD is detached is asked for the branch", () =>
    Effect.gen(function* () {
      const { git, log, path } = yield* repositoryOf(5)
      git("checkout", "--quiet", "--detach", "main~3")
      expect((yield* ask(path)).commits).toEqual(log())
    })
  )

  it.live("knows the branch of origin where it has none of its own, and its own before that", () =>
    Effect.gen(function* () {
      const upstream = yield* repositoryOf(5)
      const path = yield* clone(upstream.path)
      upstream.add(1, "main", "refs/heads/main^0")
      runGit(path, ["fetch", "--quiet"])
      expect((yield* ask(path)).commits).toEqual(upstream.log().slice(1))
      runGit(path, ["checkout", "--quiet", "--detach"])
      runGit(path, ["branch", "--quiet", "--delete", "--force", "main"])
      expect((yield* ask(path)).commits).toEqual(upstream.log())
    })
  )

  it.live("is asked for the branch, not for a tag of that name", () =>
    Effect.gen(function* () {
      const { git, log, path } = yield* repositoryOf(5)
      git("tag", "main", "main~3")
      expect((yield* ask(path)).commits).toEqual(log("refs/heads/main"))
    })
  )

  it.live("may be bare, linked to, a worktree, or below a name with spaces", () =>
    Effect.gen(function* () {
      const bare = yield* repositoryOf(3, "--bare")
      expect((yield* ask(bare.path)).commits).toEqual(bare.log())
      const { git, log, path } = yield* repositoryOf(3)
      const elsewhere = yield* scratchDirectory
      const link = join(elsewhere, "a link")
      fs.symlinkSync(path, link)
      expect((yield* ask(link)).commits).toEqual(log())
      const worktree = join(elsewhere, "a worktree")
      git("worktree", "add", "--quiet", "--detach", worktree)
      expect((yield* ask(worktree)).commits).toEqual(log())
    })
  )

  it.live("may belong to another user", () =>
    Effect.gen(function* () {
      const { log, path } = yield* repositoryOf(3)
      yield* variable("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
      const link = join(yield* scratchDirectory, "link")
      fs.symlinkSync(path, link)
      expect((yield* ask(path)).commits).toEqual(log())
      expect((yield* ask(link)).commits).toEqual(log())
    })
  )

  it.live("runs nothing that it configures", () =>
    Effect.gen(function* () {
      const { git, log, path } = yield* repositoryOf(3)
      const trace = join(path, "ran")
      const program = join(path, "program")
      fs.writeFileSync(program, `#!/bin/sh\ntouch ${trace}\n`, { mode: 0o755 })
      const keys = ["gpg.program", "core.fsmonitor", "core.pager", "pager.log", "core.sshCommand", "diff.external"]
      for (const key of keys) git("config", key, program)
      git("config", "log.showSignature", "true")
      git("config", "alias.log", `!${program}`)
      const signed = git("cat-file", "commit", "main").replace(
        "\n\n",
        "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n -----END PGP SIGNATURE-----\n\n"
      )
      const sha = runGit(path, ["hash-object", "-t", "commit", "-w", "--stdin"], `${signed}\n`)
      git("update-ref", "refs/heads/main", sha)
      expect((yield* ask(path)).commits[0]).toBe(sha)
      expect(fs.existsSync(trace)).toBe(false)
      git("log", "-1")
      expect(fs.existsSync(trace)).toBe(true)
      expect(log().length).toBe(3)
    })
  )

  it.live("is the one at the path, whatever the environment says", () =>
    Effect.gen(function* () {
      const { log, path } = yield* repositoryOf(3)
      const other = yield* repositoryOf(4)
      yield* variable("GIT_DIR", join(other.path, ".git"))
      expect((yield* ask(path)).commits).toEqual(log())
    })
  )
})

describe("git says why it gives nothing", () => {
  it.live("there is no checkout", () =>
    Effect.gen(function* () {
      const path = yield* scratchDirectory
      expect((yield* Effect.flip(ask(path))).message).toContain("not a git repository")
      const absent = join(path, "absent")
      expect((yield* Effect.flip(ask(absent))).message).toContain(absent)
    })
  )

  it.live("there is no git", () =>
    Effect.gen(function* () {
      const { path } = yield* repositoryOf(1)
      yield* variable("PATH", yield* scratchDirectory)
      expect((yield* Effect.flip(ask(path))).message).toContain("git cannot be found")
    })
  )

  it.live("it was killed, or says nothing but that it failed", () =>
    Effect.gen(function* () {
      const { path } = yield* repositoryOf(1)
      const programs = yield* scratchDirectory
      yield* variable("PATH", `${programs}:${process.env.PATH}`)
      fs.writeFileSync(join(programs, "git"), "#!/bin/sh\nexit 3\n", { mode: 0o755 })
      expect((yield* Effect.flip(ask(path))).message).toContain("ended with 3")
      fs.writeFileSync(join(programs, "git"), "#!/bin/sh\nkill -9 $$\n")
      expect((yield* Effect.flip(ask(path)))._tag).toBe("SourceFailed")
      fs.writeFileSync(join(programs, "git"), "#!/bin/sh\necho HEAD\n")
      expect((yield* Effect.flip(ask(path))).message).toContain("no commits")
    })
  )

  it.effect("it hangs: it and what it began are ended", () =>
    Effect.gen(function* () {
      const programs = yield* scratchDirectory
      const pids = join(programs, "pids")
      yield* variable("PATH", `${programs}:${process.env.PATH}`)
      const script = `#!/bin/sh\ntrap '' TERM\nsh -c 'trap "" TERM; while :; do sleep 1; done' &\necho "$! $$" > ${pids}.part && mv ${pids}.part ${pids}\nwait\n`
      fs.writeFileSync(join(programs, "git"), script, { mode: 0o755 })
      const source = yield* Effect.provide(Git.make({ path: programs, branch: "main", window: 1 }), NodeServices.layer)
      const fiber = yield* Effect.forkChild(Effect.flip(withDeadline(source, 5000).window))
      yield* Effect.promise(() => until(() => fs.existsSync(pids)))
      yield* TestClock.adjust("5 seconds")
      expect((yield* Fiber.join(fiber)).message).toContain("no commits within 5 s")
      const running = (pid: string) => {
        try {
          return !fs.readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ")
        } catch {
          return false
        }
      }
      const all = fs.readFileSync(pids, "utf8").trim().split(" ")
      yield* Effect.promise(() => until(() => !all.some(running)))
    })
  )
})
