/** What every source of commits does, whatever it asks. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { CommitSource } from "../../src/services/CommitSource.ts"
import { makeRepository, type Repository } from "./gitRepository.ts"
import { scratchDirectory } from "./scratch.ts"

export interface Wanted {
  readonly branch: string
  readonly window: number
}

/** A source over a repository; what is done to the repository is `published` before it is asked. */
export interface Offered {
  readonly layer: (wanted: Wanted) => Layer.Layer<CommitSource>
  readonly published: Effect.Effect<void>
}

export const asked = (layer: Layer.Layer<CommitSource>) =>
  Effect.flatMap(CommitSource, (source) => source.window).pipe(Effect.provide(layer))

export const commitSourceContract = (
  name: string,
  offer: (repository: Repository) => Effect.Effect<Offered, never, Scope.Scope>
) =>
  describe(name, () => {
    const over = Effect.fnUntraced(function* (commits: number) {
      const repository = makeRepository(yield* scratchDirectory)
      if (commits > 0) repository.add(commits)
      const offered = yield* offer(repository)
      const ask = Effect.fnUntraced(function* (window: number, branch: string = "main") {
        yield* offered.published
        return yield* asked(offered.layer({ branch, window }))
      })
      return { repository, ask }
    })

    it.live("gives the newest commits of the branch, newest first, as many as are wanted and no more", () =>
      Effect.gen(function* () {
        const { ask, repository } = yield* over(120)
        const all = repository.log()
        expect(all.length).toBe(120)
        for (const window of [1, 49, 50, 51, 100, 119, 120]) {
          expect(yield* ask(window)).toEqual({ commits: all.slice(0, window) })
        }
      })
    )

    it.live("gives all there are where that is fewer", () =>
      Effect.gen(function* () {
        const { ask, repository } = yield* over(120)
        expect(yield* ask(121)).toEqual({ commits: repository.log() })
        expect(yield* ask(5000)).toEqual({ commits: repository.log() })
      })
    )

    it.live("gives what landed since, and no longer what was rewritten", () =>
      Effect.gen(function* () {
        const { ask, repository } = yield* over(10)
        const [before] = (yield* ask(10)).commits
        repository.add(1, "main", "refs/heads/main^0")
        const landed = (yield* ask(10)).commits
        expect(landed).toEqual(repository.log().slice(0, 10))
        expect(landed[1]).toBe(before)
        repository.add(2, "main", "refs/heads/main~5")
        const rewritten = (yield* ask(100)).commits
        expect(rewritten).toEqual(repository.log())
        expect(rewritten).not.toContain(before)
      })
    )

    it.live("gives both sides of a merge, and nothing of other branches", () =>
      Effect.gen(function* () {
        const { ask, repository } = yield* over(5)
        repository.add(3, "side", "refs/heads/main~2")
        repository.add(2, "main", "refs/heads/main^0")
        expect((yield* ask(50)).commits).toEqual(repository.log())
        const tree = repository.git("rev-parse", "main^{tree}")
        const merged = repository.git("commit-tree", tree, "-p", "main", "-p", "side", "-m", "merge")
        repository.git("update-ref", "refs/heads/main", merged)
        const { commits } = yield* ask(50)
        expect(commits).toEqual(repository.log())
        expect(commits.length).toBe(11)
        expect((yield* ask(50, "side")).commits).toEqual(repository.log("side"))
      })
    )

    it.live("says so where there is no such branch, or no commit", () =>
      Effect.gen(function* () {
        const { ask } = yield* over(1)
        expect((yield* Effect.flip(ask(10, "absent"))).message).toContain("absent")
        const empty = yield* over(0)
        expect((yield* Effect.flip(empty.ask(10)))._tag).toBe("SourceFailed")
      })
    )
  })
