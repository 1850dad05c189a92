/** What our `Volume` adds. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Case, done, first, type Hands, IS_DIRECTORY, LOOP, MISSING, NO_DIRECTORY } from "./case.ts"

const inspected = ({ at, volume }: Hands, name: string) =>
  Effect.map(volume.inspect(at(name)), ({ mode, size, type }) => ({
    type,
    mode,
    ...(type !== "Directory" && { size })
  }))

const accepts = (name: string): boolean => !name.includes("l")

export const volumeCases: ReadonlyArray<Case> = [
  { does: "inspects a file", act: (h) => inspected(h, "file"), gives: { type: "File", mode: 0o600, size: 5 } },
  { does: "inspects a directory", act: (h) => inspected(h, "full"), gives: { type: "Directory", mode: 0o700 } },
  {
    does: "inspects a link",
    act: (h) => inspected(h, "dangling"),
    gives: { type: "SymbolicLink", mode: 0o777, size: 7 }
  },
  { does: "inspects nothing", act: (h) => inspected(h, "none"), gives: MISSING },
  { does: "inspects nothing below a file", act: (h) => inspected(h, "file/x"), gives: NO_DIRECTORY },
  { does: "inspects a file said to be a directory", act: (h) => inspected(h, "file/"), gives: NO_DIRECTORY },
  {
    does: "finds a file",
    act: ({ at, volume }) => Effect.map(volume.find(at("file")), (found) => found?.size),
    gives: 5
  },
  { does: "finds nothing", act: ({ at, volume }) => volume.find(at("none")), gives: undefined },
  { does: "finds nothing below a file", act: ({ at, volume }) => volume.find(at("file/x")), gives: NO_DIRECTORY },
  { does: "finds nothing round a circle", act: ({ at, volume }) => volume.find(at("loop/x")), gives: LOOP },
  {
    does: "finds all in a directory",
    act: ({ at, volume }) =>
      Effect.map(volume.findAll(at("full")), (all) =>
        all.map(({ inspection, name }) => `${name}: ${inspection?.type} ${inspection?.mode}`).toSorted()
      ),
    gives: ["deep: Directory 448", "inner: File 384"]
  },
  { does: "finds all in nothing", act: ({ at, volume }) => volume.findAll(at("none")), gives: MISSING },
  { does: "finds all in a file", act: ({ at, volume }) => volume.findAll(at("file")), gives: NO_DIRECTORY },
  {
    does: "tells the type of what a link points at",
    act: ({ at, fs }) =>
      Effect.map(Effect.all([fs.stat(at("link")), fs.stat(at("dirlink")), fs.lstat(at("link"))]), (all) =>
        all.map(({ type }) => type)
      ),
    gives: ["File", "Directory", "SymbolicLink"]
  },
  {
    does: "tells the size",
    act: ({ at, fs }) => Effect.map(fs.lstat(at("file")), ({ mode, size }) => [mode, Number(size)]),
    gives: [0o100600, 5]
  },
  { does: "tells nothing of nothing", act: ({ at, fs }) => fs.stat(at("dangling")), gives: MISSING },
  {
    does: "gives every name",
    act: ({ at, volume }) => Effect.map(Stream.runCollect(volume.names(at(""))), (names) => names.toSorted()),
    gives: ["dangling", "dirlink", "empty", "file", "full", "link", "loop"]
  },
  {
    does: "gives no names of a file",
    act: ({ at, volume }) => Stream.runCollect(volume.names(at("file"))),
    gives: NO_DIRECTORY
  },
  {
    does: "gives no names of nothing",
    act: ({ at, volume }) => Stream.runCollect(volume.names(at("none"))),
    gives: MISSING
  },
  {
    does: "gives the first page",
    act: ({ at, volume }) => volume.page(at(""), { after: "", limit: 2, accepts: () => true }),
    gives: { names: ["dangling", "dirlink"], total: 7 }
  },
  {
    does: "gives the next page",
    act: ({ at, volume }) => volume.page(at(""), { after: "dirlink", limit: 9, accepts }),
    gives: { names: ["empty"], total: 1 }
  },
  {
    does: "gives a page of the reverse order",
    act: ({ at, volume }) => volume.page(at(""), { after: "empty", limit: 1, accepts: () => true, descending: true }),
    gives: { names: ["dirlink"], total: 2 }
  },
  {
    does: "gives no page of a file",
    act: ({ at, volume }) => volume.page(at("file"), { after: "", limit: 2, accepts }),
    gives: NO_DIRECTORY
  },
  {
    does: "gives no page of nothing",
    act: ({ at, volume }) => volume.page(at("none"), { after: "", limit: 2, accepts }),
    gives: MISSING
  },
  {
    does: "weighs what holds a child",
    act: ({ at, volume }) =>
      volume.lightest(at(""), { child: "inner", after: undefined, limit: 9, accepts: () => true }),
    gives: {
      first: [
        { name: "dirlink", bytes: 6 },
        { name: "full", bytes: 6 }
      ],
      behind: 2,
      total: 7
    }
  },
  {
    does: "weighs nothing of nothing",
    act: ({ at, volume }) => volume.lightest(at("none"), { child: "x", after: undefined, limit: 9, accepts }),
    gives: MISSING
  },
  {
    does: "counts what holds a child",
    act: ({ at, volume }) => volume.countHolding(at(""), "inner", () => true),
    gives: { count: 2, first: "dirlink" }
  },
  {
    does: "counts only what counts",
    act: ({ at, volume }) => volume.countHolding(at(""), "inner", (name) => name === "full"),
    gives: { count: 1, first: "full" }
  },
  {
    does: "counts what holds a link that leads nowhere",
    act: ({ at, fs, volume }) =>
      first(
        fs.symlink("nowhere", at("full/away")),
        volume.countHolding(at(""), "away", () => true)
      ),
    gives: { count: 2, first: "dirlink" }
  },
  {
    does: "counts no directory under the child's name",
    act: ({ at, volume }) => volume.countHolding(at(""), "deep", () => true),
    gives: { count: 0, first: undefined }
  },
  {
    does: "weighs what holds a link that leads nowhere, and not what holds a directory",
    act: ({ at, fs, volume }) => {
      const weigh = (child: string) =>
        Effect.map(
          volume.lightest(at(""), { child, after: undefined, limit: 1, accepts: () => true }),
          (found) => found.behind
        )
      return first(fs.symlink("nowhere", at("full/away")), Effect.all([weigh("away"), weigh("deep")]))
    },
    gives: [2, 0]
  },
  {
    does: "counts nothing",
    act: ({ at, volume }) => volume.countHolding(at(""), "none", () => true),
    gives: { count: 0, first: undefined }
  },
  {
    does: "measures space",
    act: ({ at, volume }) =>
      Effect.map(
        volume.space(at("")),
        (space) => space.freeBytes <= space.totalBytes && space.freeInodes <= space.totalInodes
      ),
    gives: true
  },
  { does: "measures no space of nothing", act: ({ at, volume }) => volume.space(at("none")), gives: MISSING },
  {
    does: "locks once",
    act: ({ at, volume }) => first(volume.lock(at("lock")), volume.lock(at("lock"))),
    gives: "LockHeld"
  },
  {
    does: "locks again when the scope has closed",
    act: ({ at, volume }) => first(Effect.scoped(volume.lock(at("lock"))), volume.lock(at("lock"))),
    gives: done
  },
  {
    does: "keeps a lock while it is asked about",
    act: ({ at, volume }) =>
      first(volume.lock(at("lock")), first(volume.lockHolder(at("lock")), volume.lock(at("lock")))),
    gives: "LockHeld"
  },
  { does: "knows no holder of no lock", act: ({ at, volume }) => volume.lockHolder(at("lock")), gives: undefined },
  {
    does: "knows no holder of a lock that is free",
    act: ({ at, volume }) => first(Effect.scoped(volume.lock(at("lock"))), volume.lockHolder(at("lock"))),
    gives: undefined
  },
  {
    does: "knows a holder who says no name",
    act: ({ at, fs, volume }) =>
      first(volume.lock(at("lock")), first(fs.truncate(at("lock")), volume.lockHolder(at("lock")))),
    gives: "unknown"
  },
  {
    does: "locks a file for its owner",
    act: (h) =>
      first(
        h.volume.lock(h.at("lock")),
        Effect.map(h.volume.inspect(h.at("lock")), ({ mode }) => mode)
      ),
    gives: 0o600
  },
  { does: "follows no link to a lock", act: ({ at, volume }) => volume.lock(at("link")), gives: LOOP },
  { does: "locks nothing below nothing", act: ({ at, volume }) => volume.lock(at("none/lock")), gives: MISSING },
  { does: "locks no directory", act: ({ at, volume }) => volume.lock(at("full")), gives: IS_DIRECTORY }
]
