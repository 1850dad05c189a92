/** Open files. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import {
  BAD_DESCRIPTOR,
  bytes,
  type Case,
  done,
  first,
  type Hands,
  INVALID,
  IS_DIRECTORY,
  LOOP,
  MISSING,
  NO_DIRECTORY,
  type Outcome,
  readBack,
  TAKEN,
  text
} from "./case.ts"

const opened = (
  { at, fs }: Hands,
  name: string,
  flag: FileSystem.OpenFlag,
  act: (file: FileSystem.File) => Outcome = () => Effect.void,
  options: { readonly noFollow?: boolean; readonly mode?: number } = {}
): Outcome => Effect.flatMap(fs.open(at(name), { flag, ...options }), act)

const alloc = (file: FileSystem.File, size: number) =>
  Effect.map(file.readAlloc(size), Option.match({ onNone: () => "end", onSome: text }))

export const openCases: ReadonlyArray<Case> = [
  ...(["r", "r+"] as const).map(
    (flag): Case => ({ does: `opens nothing (${flag})`, act: (h) => opened(h, "none", flag), gives: MISSING })
  ),
  ...(["w", "a", "w+", "a+", "wx", "ax"] as const).map(
    (flag): Case => ({
      does: `makes what is not there (${flag})`,
      act: (h) => first(opened(h, "none", flag), readBack(h, "none")),
      gives: ""
    })
  ),
  ...(["w", "a", "w+", "a+", "wx"] as const).map(
    (flag): Case => ({
      does: `makes nothing below nothing (${flag})`,
      act: (h) => opened(h, "none/none", flag),
      gives: MISSING
    })
  ),
  ...(["w", "w+"] as const).map(
    (flag): Case => ({
      does: `empties what is there (${flag})`,
      act: (h) => first(opened(h, "file", flag), readBack(h, "file")),
      gives: ""
    })
  ),
  ...(["r", "r+", "a", "a+"] as const).map(
    (flag): Case => ({
      does: `leaves what is there (${flag})`,
      act: (h) => first(opened(h, "file", flag), readBack(h, "file")),
      gives: "hello"
    })
  ),
  ...(["wx", "ax", "wx+", "ax+"] as const).flatMap((flag) =>
    ["file", "full", "link", "dangling"].map(
      (name): Case => ({
        does: `does not make ${name} anew (${flag})`,
        act: (h) => opened(h, name, flag),
        gives: TAKEN
      })
    )
  ),
  ...(["r+", "w", "a", "a+"] as const).map(
    (flag): Case => ({
      does: `writes to no directory (${flag})`,
      act: (h) => opened(h, "full", flag),
      gives: IS_DIRECTORY
    })
  ),
  ...(["r", "w"] as const).map(
    (flag): Case => ({
      does: `opens nothing below a file (${flag})`,
      act: (h) => opened(h, "file/x", flag),
      gives: NO_DIRECTORY
    })
  ),
  {
    does: "makes what a link points at",
    act: (h) => first(opened(h, "dangling", "w"), readBack(h, "nowhere")),
    gives: ""
  },
  { does: "opens no loop", act: (h) => opened(h, "loop", "r"), gives: LOOP },
  ...(["r", "r+", "w", "a", "a+"] as const).map(
    (flag): Case => ({
      does: `follows no link (${flag})`,
      act: (h) => opened(h, "link", flag, undefined, { noFollow: true }),
      gives: LOOP
    })
  ),
  {
    does: "follows no broken link",
    act: (h) => opened(h, "dangling", "w", undefined, { noFollow: true }),
    gives: LOOP
  },
  {
    does: "makes no file over a link",
    act: (h) => opened(h, "dangling", "wx", undefined, { noFollow: true }),
    gives: TAKEN
  },
  {
    does: "follows links on the way",
    act: (h) => opened(h, "dirlink/inner", "r", (file) => alloc(file, 9), { noFollow: true }),
    gives: "in"
  },
  {
    does: "opens a file that is no link",
    act: (h) => opened(h, "file", "r", (file) => alloc(file, 9), { noFollow: true }),
    gives: "hello"
  },
  {
    does: "makes files with the mode it is given, for nobody else",
    act: (h) =>
      first(
        opened(h, "new", "w", undefined, { mode: 0o755 }),
        Effect.map(h.volume.inspect(h.at("new")), ({ mode }) => mode)
      ),
    gives: 0o700
  },
  {
    does: "makes files for their owner",
    act: (h) =>
      first(
        opened(h, "new", "w"),
        Effect.map(h.volume.inspect(h.at("new")), ({ mode }) => mode)
      ),
    gives: 0o600
  },
  { does: "opens and syncs a directory", act: (h) => opened(h, "full", "r", (file) => file.sync), gives: done },
  { does: "reads no directory", act: (h) => opened(h, "full", "r", (file) => alloc(file, 5)), gives: IS_DIRECTORY },
  { does: "syncs a file opened for reading", act: (h) => opened(h, "file", "r", (file) => file.sync), gives: done },
  {
    does: "does not write what is open for reading",
    act: (h) => opened(h, "file", "r", (file) => file.write(bytes("x"))),
    gives: BAD_DESCRIPTOR
  },
  {
    does: "does not read what is open for writing",
    act: (h) => opened(h, "file", "a", (file) => alloc(file, 5)),
    gives: BAD_DESCRIPTOR
  },
  {
    does: "does not truncate what is open for reading",
    act: (h) => opened(h, "file", "r", (file) => file.truncate(1)),
    gives: INVALID
  },

  {
    does: "reads on from where it was",
    act: (h) =>
      opened(h, "file", "r", (file) => Effect.all([alloc(file, 2), alloc(file, 2), alloc(file, 2), alloc(file, 2)])),
    gives: ["he", "ll", "o", "end"]
  },
  {
    does: "reads at a position, and stays where it was",
    act: (h) =>
      opened(h, "file", "r", (file) =>
        Effect.gen(function* () {
          const buffer = new Uint8Array(3)
          const count = yield* file.read(buffer, { position: 3n })
          return [count, text(buffer.subarray(0, count)), yield* alloc(file, 2)]
        })
      ),
    gives: [2, "lo", "he"]
  },
  {
    does: "reads nothing behind the end",
    act: (h) => opened(h, "file", "r", (file) => file.read(new Uint8Array(3), { position: 50n })),
    gives: 0
  },
  {
    does: "reads from no negative position",
    act: (h) => opened(h, "file", "r", (file) => file.read(new Uint8Array(3), { position: -1n })),
    gives: "BadArgument"
  },
  {
    does: "seeks",
    act: (h) =>
      opened(h, "file", "r", (file) => Effect.all([file.seek(3n, "start"), file.seek(-1n, "current"), alloc(file, 9)])),
    gives: [3n, 2n, "llo"]
  },
  {
    does: "seeks no further back than the start",
    act: (h) => opened(h, "file", "r", (file) => file.seek(-1n, "current")),
    gives: "BadArgument"
  },
  {
    does: "writes on from where it was",
    act: (h) =>
      first(
        opened(h, "file", "r+", (file) => first(file.writeAll(bytes("AB")), file.writeAll(bytes("C")))),
        readBack(h, "file")
      ),
    gives: "ABClo"
  },
  {
    does: "writes where it was sought",
    act: (h) =>
      first(
        opened(h, "file", "r+", (file) => first(file.seek(7n, "start"), file.writeAll(bytes("Z")))),
        readBack(h, "file")
      ),
    gives: "hello\0\0Z"
  },
  {
    does: "appends, wherever it reads",
    act: (h) =>
      first(
        opened(h, "file", "a+", (file) => first(alloc(file, 2), file.writeAll(bytes("!")))),
        readBack(h, "file")
      ),
    gives: "hello!"
  },
  {
    does: "appends behind what others appended",
    act: (h) =>
      first(
        opened(h, "file", "a", (one) =>
          opened(h, "file", "a", (other) =>
            first(one.writeAll(bytes("1")), first(other.writeAll(bytes("2")), one.writeAll(bytes("3"))))
          )
        ),
        readBack(h, "file")
      ),
    gives: "hello123"
  },
  {
    does: "appends and reads what it appended",
    act: (h) => opened(h, "file", "a+", (file) => first(file.writeAll(bytes("!")), alloc(file, 9))),
    gives: "hello!"
  },
  {
    does: "writes nothing",
    act: (h) => opened(h, "file", "a", (file) => file.writeAll(new Uint8Array())),
    gives: done
  },
  {
    does: "truncates",
    act: (h) =>
      first(
        opened(h, "file", "r+", (file) => file.truncate(2)),
        readBack(h, "file")
      ),
    gives: "he"
  },
  {
    does: "truncates to nothing",
    act: (h) =>
      first(
        opened(h, "file", "r+", (file) => file.truncate()),
        readBack(h, "file")
      ),
    gives: ""
  },
  {
    does: "lengthens with zeros",
    act: (h) =>
      first(
        opened(h, "file", "r+", (file) => file.truncate(7)),
        readBack(h, "file")
      ),
    gives: "hello\0\0"
  },
  {
    does: "writes on from where it was cut",
    act: (h) =>
      first(
        opened(h, "file", "r+", (file) =>
          first(file.seek(5n, "start"), first(file.truncate(2), file.writeAll(bytes("y"))))
        ),
        readBack(h, "file")
      ),
    gives: "hey"
  },
  {
    does: "appends where it was cut",
    act: (h) =>
      first(
        opened(h, "file", "a+", (file) => first(file.truncate(2), file.writeAll(bytes("y")))),
        readBack(h, "file")
      ),
    gives: "hey"
  },
  {
    does: "says how large an open file is",
    act: (h) =>
      opened(h, "file", "a", (file) =>
        first(
          file.writeAll(bytes("!")),
          Effect.map(file.stat, ({ size, type }) => [Number(size), type])
        )
      ),
    gives: [6, "File"]
  },
  {
    does: "keeps a removed file for whoever has it open",
    act: (h) =>
      opened(h, "file", "r+", (file) =>
        first(
          h.fs.remove(h.at("file")),
          first(
            file.writeAll(bytes("J")),
            first(file.seek(0n, "start"), Effect.all([alloc(file, 9), h.fs.exists(h.at("file"))]))
          )
        )
      ),
    gives: ["Jello", false]
  },
  {
    does: "keeps a file that was replaced for whoever has it open",
    act: (h) =>
      opened(h, "file", "r", (file) =>
        first(h.fs.rename(h.at("full/inner"), h.at("file")), Effect.all([alloc(file, 9), readBack(h, "file")]))
      ),
    gives: ["hello", "in"]
  },
  {
    does: "knows what is open by a new name",
    act: (h) =>
      opened(h, "file", "a", (file) =>
        first(h.fs.rename(h.at("file"), h.at("b")), first(file.writeAll(bytes("!")), readBack(h, "b")))
      ),
    gives: "hello!"
  }
]
