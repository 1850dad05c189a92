/** Mistakes that somebody might make one day, each as a patch of one source file. Each breaks a promise, and must be noticed. */
export interface Mistake {
  readonly name: string
  /** Below the checkout. */
  readonly file: string
  /** Occurs there exactly once. */
  readonly find: string
  readonly replace: string
  /** What it breaks, in words. */
  readonly promise: string
}

export const mistakes: ReadonlyArray<Mistake> = [
  {
    name: "answer before the index is synced",
    file: "src/receiver/IndexLog.ts",
    find: "yield* Durable.syncFile(file)\n    // A crash here leaves the lookup behind",
    replace: "yield* Effect.forkDetach(Durable.syncFile(file))\n    // A crash here leaves the lookup behind",
    promise: "201 and 200 are said only of what is durable"
  },
  {
    name: "no directory sync",
    file: "src/durable.ts",
    find: "yield* Effect.orDie(directory.sync)",
    replace: "yield* Effect.sync(() => directory)",
    promise: "a name is durable before anyone is told"
  },
  {
    name: "rename over instead of create-only",
    file: "src/receiver/Store.ts",
    find: "const link = orTaken(fs.link(from, path(name)))",
    replace: "const link = orTaken(fs.rename(from, path(name)))",
    promise: "nothing stored is ever replaced, and what a crash leaves is found again"
  },
  {
    name: "retire on any 2xx",
    file: "src/domain/verdict.ts",
    find: 'return (status === 200 || status === 201) && isStoredAnswer(body, sent)\n      ? { _tag: "Shipped", answer: body }',
    replace:
      'return isStoredAnswer(body, sent) || status < 300\n      ? { _tag: "Shipped", answer: { status: "stored", host_id: sent.hostId, episode_id: sent.episodeId, content_sha256: sent.contentSha256 } }',
    promise: "retired only after the receiver's own word"
  },
  {
    name: "retire before the answer",
    file: "src/shipper/parcel.ts",
    find: "const link = yield* Link",
    replace: `const link = yield* Link
  const root = parcel.tarball.replace(/\\/outbox\\/.*/, "")
  yield* fs.rename(\`\${root}/episodes/\${parcel.episodeId}\`, \`\${root}/shipped/\${parcel.episodeId}\`)`,
    promise: "retired only after the receiver's own word"
  },
  {
    name: "a sweep that takes a live partial",
    file: "src/shipper/outbox.ts",
    find: "const belongs = isEpisodeId(id) &&",
    replace: "const belongs = !name.endsWith(SUFFIX.partial) && isEpisodeId(id) &&",
    promise: "the sweep leaves alone what belongs to an episode"
  },
  {
    name: "a conflict that is sent again",
    file: "src/shipper/attend.ts",
    find: 'if (options.held && (yield* isStillHeld(id, inventory.madeFrom))) return outcome("conflicts")',
    replace: "",
    promise: "what cannot succeed is not tried again"
  },
  {
    name: "quarantine on 401",
    file: "src/domain/verdict.ts",
    find: "new Set([401, 403, 404, 405, 407])",
    replace: "new Set([403, 404, 405, 407])",
    promise: "a host's mistake is never blamed on an episode"
  },
  {
    name: "412 although nothing is known",
    file: "src/receiver/windowGate.ts",
    find: "doubt === undefined ? outOfWindow(commit, headOf(knowledge), remediation) : commitUnknown(commit, doubt)",
    replace:
      "doubt === undefined || APART_MILLIS > 0 ? outOfWindow(commit, headOf(knowledge), remediation) : commitUnknown(commit, doubt)",
    promise: "not knowing is never a refusal for good"
  },
  {
    name: "a watchdog beat on a timer",
    file: "src/shipper/watchdog.ts",
    find: "if (progress.steps === beaten) return Effect.void",
    replace: "",
    promise: "a stall is killed and restarted"
  },
  {
    name: "a retry that appends twice",
    file: "src/receiver/IndexLog.ts",
    find: "file.writeAll(bytes).pipe(\n",
    replace: "Effect.retry(file.writeAll(bytes), { times: 1 }).pipe(\n",
    promise: "the index has one standing row for an episode"
  },
  {
    name: "a tarball used again after its episode changed",
    file: "src/shipper/attend.ts",
    find: "const usable = waiting?.made_from === inventory.madeFrom",
    replace: "const usable = waiting !== undefined",
    promise: "what is sent is what lies there"
  },
  {
    name: "200 for a row whose file is gone",
    file: "src/receiver/layerDataset.ts",
    find: 'if (file?.type !== "File" || file.size !== row.bytes) return lost',
    replace: 'if (file !== undefined && file.type !== "File") return lost',
    promise: "200 needs the stored file there"
  },
  {
    name: "412 from a stale set",
    file: "src/receiver/windowGate.ts",
    find: "    // One that is under way may have seen it already.",
    replace:
      "    if (headOf(knowledge) !== null && !knows(knowledge, commit)) return yield* Effect.fail(outOfWindow(commit, headOf(knowledge), remediation))",
    promise: "code pushed a moment ago is accepted"
  },
  {
    name: "pruning without confirmation",
    file: "src/shipper/cleanup.ts",
    find: "const held = yield* holding(hostId, id)",
    replace:
      'const held = (yield* Effect.succeed({ _tag: "Holds", contentSha256: receipt.content_sha256 })) as Effect.Success<ReturnType<typeof holding>>',
    promise: "pruned only while the receiver says that it holds it"
  },
  {
    name: "retiring what changed after it was packed",
    file: "src/shipper/attend.ts",
    find: "return now?.madeFrom === note.made_from ? yield* settle",
    replace: "return now === undefined || now.entries.length > 0 ? yield* settle",
    promise: "retired only when the receiver holds this very content"
  },
  {
    name: "a reason file that is packed",
    file: "src/shipper/inventory.ts",
    find: 'if (below === "" && name === REASON_FILE) continue',
    replace: "",
    promise: "the reason file is never part of an episode"
  },
  {
    name: "a race's loser is told 200 before the winner is durable",
    file: "src/receiver/layerDataset.ts",
    find: "oneAtATime(nameOf(arrival), commit(arrival, options)).pipe(",
    replace: `Effect.suspend(() => {
          const underWay = ((oneAtATime as unknown as { underWay?: Set<string> }).underWay ??= new Set<string>())
          const name = nameOf(arrival)
          if (underWay.has(name)) return Effect.succeed<StoredAnswer>({ status: "already_present", host_id: arrival.hostId, episode_id: arrival.episodeId, sha256: arrival.sha256, bytes: arrival.bytes, content_sha256: arrival.contentSha256 })
          underWay.add(name)
          return Effect.ensuring(oneAtATime(name, commit(arrival, options)), Effect.sync(() => underWay.delete(name)))
        }).pipe(`,
    promise: "200 is said only of what is durable"
  },
  {
    name: "a failed append joined to the next",
    file: "src/receiver/IndexLog.ts",
    find: "Effect.tapError((error) =>\n        Effect.andThen(\n          Effect.sync(() => void (overhang = error)),",
    replace: "Effect.tapError((error) =>\n        Effect.andThen(\n          Effect.fail(error),",
    promise: "a failed append is cut back before the next one"
  },
  {
    name: "what is in the cache after a crash is taken for durable",
    file: "src/receiver/IndexLog.ts",
    find: "yield* renew(options.indexPath, end)",
    replace: "",
    promise: "200 is said only of what is durable"
  },
  {
    name: "a directory that is there is taken for durable",
    file: "src/durable.ts",
    find: "return yield* Effect.catchIf(\n        syncDirectory(parentOf(path)),",
    replace: "return yield* Effect.catchIf(\n        Effect.asVoid(fs.exists(path)),",
    promise: "what lies in it survives a power cut"
  },
  {
    name: "a stored file without a row is put to the gate",
    file: "src/receiver/layerDataset.ts",
    find: 'return file?.type === "File" ? ',
    replace: 'return file?.type === "Directory" ? ',
    promise: "one file, one row"
  },
  {
    name: "a failed append's name stays in incoming/",
    file: "src/receiver/layerDataset.ts",
    find: 'if (adopted._tag === "Row") yield* orProblem(removeLeftovers(arrival, options))',
    replace: "",
    promise: "nothing is left in incoming/"
  },
  {
    name: "an offset counted before it was durable",
    file: "src/receiver/uploads/append.ts",
    find: "yield* Durable.syncFile(file)\n  // A crash here leaves bytes behind the offset",
    replace: "yield* Effect.forkDetach(Durable.syncFile(file))\n  // A crash here leaves bytes behind the offset",
    promise: "an offset that was told never goes back"
  },
  {
    name: "an append accepted at the wrong offset",
    file: "src/receiver/uploads/fields.ts",
    find: "if (offset !== at) {",
    replace: "if (offset > at) {",
    promise: "an append is taken where it belongs"
  },
  {
    name: "an upload that is never over",
    file: "src/receiver/uploads/shelf.ts",
    find: "visitors === 0 && now - movedAt >= (fate",
    replace: "visitors < 0 && now - movedAt >= (fate",
    promise: "what is given up goes"
  }
]
