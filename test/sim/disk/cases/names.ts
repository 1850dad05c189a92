/** Names: to make, change, list and take away. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  type Case,
  done,
  first,
  type Hands,
  INVALID,
  IS_DIRECTORY,
  LOOP,
  MISSING,
  NO_DIRECTORY,
  NOT_EMPTY,
  names,
  readBack,
  TAKEN
} from "./case.ts"

const sameInode = ({ at, fs }: Hands, a: string, b: string) =>
  Effect.map(Effect.all([fs.stat(at(a)), fs.stat(at(b))]), ([one, other]) => ({
    same: one.dev === other.dev && Option.getOrThrow(one.ino) === Option.getOrThrow(other.ino),
    names: Option.getOrThrow(one.nlink)
  }))

export const nameCases: ReadonlyArray<Case> = [
  {
    does: "makes a directory",
    act: ({ at, fs }) => first(fs.makeDirectory(at("new")), names(fs.readDirectory(at("new")))),
    gives: []
  },
  {
    does: "makes a directory for its owner",
    act: (h) =>
      first(
        h.fs.makeDirectory(h.at("new"), { mode: 0o777 }),
        Effect.map(h.volume.inspect(h.at("new")), ({ mode, type }) => ({ mode, type }))
      ),
    gives: { mode: 0o700, type: "Directory" }
  },
  { does: "makes no directory over one", act: ({ at, fs }) => fs.makeDirectory(at("full")), gives: TAKEN },
  { does: "makes no directory over a file", act: ({ at, fs }) => fs.makeDirectory(at("file")), gives: TAKEN },
  {
    does: "makes no directory over a broken link",
    act: ({ at, fs }) => fs.makeDirectory(at("dangling")),
    gives: TAKEN
  },
  { does: "makes no directory below nothing", act: ({ at, fs }) => fs.makeDirectory(at("none/new")), gives: MISSING },
  {
    does: "makes no directory below a file",
    act: ({ at, fs }) => fs.makeDirectory(at("file/new")),
    gives: NO_DIRECTORY
  },
  {
    does: "makes all directories of a path",
    act: ({ at, fs }) => first(fs.makeDirectory(at("n/e/w"), { recursive: true }), fs.exists(at("n/e/w"))),
    gives: true
  },
  {
    does: "is content with directories that are there",
    act: ({ at, fs }) => fs.makeDirectory(at("full/deep"), { recursive: true }),
    gives: done
  },
  {
    does: "makes no directories over a file",
    act: ({ at, fs }) => fs.makeDirectory(at("file"), { recursive: true }),
    gives: TAKEN
  },
  {
    does: "makes no directories below a file",
    act: ({ at, fs }) => fs.makeDirectory(at("file/a/b"), { recursive: true }),
    gives: NO_DIRECTORY
  },
  {
    does: "makes no directories over a broken link",
    act: ({ at, fs }) => fs.makeDirectory(at("dangling"), { recursive: true }),
    gives: MISSING
  },

  {
    does: "renames a file",
    act: (h) => first(h.fs.rename(h.at("file"), h.at("b")), Effect.all([h.fs.exists(h.at("file")), readBack(h, "b")])),
    gives: [false, "hello"]
  },
  {
    does: "renames a file over another",
    act: (h) => first(h.fs.rename(h.at("file"), h.at("full/inner")), readBack(h, "full/inner")),
    gives: "hello"
  },
  {
    does: "renames a file over a link",
    act: (h) =>
      first(
        h.fs.rename(h.at("file"), h.at("link")),
        Effect.map(h.fs.lstat(h.at("link")), ({ type }) => type)
      ),
    gives: "File"
  },
  {
    does: "renames a directory with all in it",
    act: (h) => first(h.fs.rename(h.at("full"), h.at("empty/moved")), readBack(h, "empty/moved/deep/leaf")),
    gives: "leaf"
  },
  {
    does: "renames a directory over an empty one",
    act: (h) => first(h.fs.rename(h.at("full"), h.at("empty")), readBack(h, "empty/inner")),
    gives: "in"
  },
  {
    does: "renames a link, not what it points at",
    act: (h) =>
      first(h.fs.rename(h.at("link"), h.at("l")), Effect.all([h.fs.readLink(h.at("l")), h.fs.exists(h.at("file"))])),
    gives: ["file", true]
  },
  {
    does: "renames a name to itself",
    act: (h) => first(h.fs.rename(h.at("file"), h.at("file")), readBack(h, "file")),
    gives: "hello"
  },
  {
    does: "leaves both names of one file alone",
    act: (h) =>
      first(h.fs.link(h.at("file"), h.at("b")), first(h.fs.rename(h.at("file"), h.at("b")), readBack(h, "file"))),
    gives: "hello"
  },
  { does: "renames nothing", act: ({ at, fs }) => fs.rename(at("none"), at("b")), gives: MISSING },
  { does: "renames to below nothing", act: ({ at, fs }) => fs.rename(at("file"), at("none/b")), gives: MISSING },
  { does: "renames to below a file", act: ({ at, fs }) => fs.rename(at("empty"), at("file/b")), gives: NO_DIRECTORY },
  {
    does: "renames a directory over a full one",
    act: ({ at, fs }) => fs.rename(at("empty"), at("full")),
    gives: NOT_EMPTY
  },
  {
    does: "renames a directory over a file",
    act: ({ at, fs }) => fs.rename(at("empty"), at("file")),
    gives: NO_DIRECTORY
  },
  {
    does: "renames a file over a directory",
    act: ({ at, fs }) => fs.rename(at("file"), at("empty")),
    gives: IS_DIRECTORY
  },
  {
    does: "renames a directory into itself",
    act: ({ at, fs }) => fs.rename(at("full"), at("full/deep/x")),
    gives: INVALID
  },
  {
    does: "renames over what it lies in",
    act: ({ at, fs }) => fs.rename(at("full/deep"), at("full")),
    gives: NOT_EMPTY
  },

  { does: "links", act: (h) => first(h.fs.link(h.at("file"), h.at("b")), readBack(h, "b")), gives: "hello" },
  {
    does: "links one inode twice",
    act: (h) => first(h.fs.link(h.at("file"), h.at("b")), sameInode(h, "file", "b")),
    gives: { same: true, names: 2n }
  },
  { does: "links over a file", act: ({ at, fs }) => fs.link(at("file"), at("full/inner")), gives: TAKEN },
  { does: "links over a directory", act: ({ at, fs }) => fs.link(at("file"), at("empty")), gives: TAKEN },
  { does: "links over a broken link", act: ({ at, fs }) => fs.link(at("file"), at("dangling")), gives: TAKEN },
  { does: "links nothing", act: ({ at, fs }) => fs.link(at("none"), at("b")), gives: MISSING },
  { does: "links to below nothing", act: ({ at, fs }) => fs.link(at("file"), at("none/b")), gives: MISSING },
  { does: "links a directory", act: ({ at, fs }) => fs.link(at("full"), at("b")), gives: "PermissionDenied EPERM" },

  { does: "removes a file", act: ({ at, fs }) => first(fs.remove(at("file")), fs.exists(at("file"))), gives: false },
  {
    does: "removes a link, not what it points at",
    act: ({ at, fs }) => first(fs.remove(at("link")), fs.exists(at("file"))),
    gives: true
  },
  { does: "removes nothing", act: ({ at, fs }) => fs.remove(at("none")), gives: MISSING },
  { does: "removes nothing, by force", act: ({ at, fs }) => fs.remove(at("none"), { force: true }), gives: done },
  {
    does: "removes below a file, by force",
    act: ({ at, fs }) => fs.remove(at("file/x"), { force: true }),
    gives: NO_DIRECTORY
  },
  {
    does: "removes no directory as if it were a file",
    act: ({ at, fs }) => fs.remove(at("empty"), { force: true }),
    gives: "Unknown ERR_FS_EISDIR"
  },
  {
    does: "removes a tree",
    act: ({ at, fs }) => first(fs.remove(at("full"), { recursive: true }), fs.exists(at("full"))),
    gives: false
  },
  {
    does: "removes a file as a tree",
    act: ({ at, fs }) => first(fs.remove(at("file"), { recursive: true, force: true }), fs.exists(at("file"))),
    gives: false
  },
  { does: "removes no tree", act: ({ at, fs }) => fs.remove(at("none"), { recursive: true }), gives: MISSING },
  {
    does: "follows no link when it removes a tree",
    act: (h) =>
      first(
        h.fs.rename(h.at("dirlink"), h.at("empty/l")),
        first(h.fs.remove(h.at("empty"), { recursive: true }), readBack(h, "full/inner"))
      ),
    gives: "in"
  },

  { does: "lists", act: ({ at, fs }) => names(fs.readDirectory(at("full"))), gives: ["deep", "inner"] },
  {
    does: "lists through a link",
    act: ({ at, fs }) => names(fs.readDirectory(at("dirlink"))),
    gives: ["deep", "inner"]
  },
  { does: "lists a file", act: ({ at, fs }) => fs.readDirectory(at("file")), gives: NO_DIRECTORY },
  { does: "lists nothing", act: ({ at, fs }) => fs.readDirectory(at("none")), gives: MISSING },
  {
    does: "lists with types",
    act: ({ at, fs }) =>
      Effect.map(fs.readDirectoryEntries(at("")), (all) =>
        Object.fromEntries(all.map(({ name, type }) => [name, type]).toSorted())
      ),
    gives: {
      dangling: "SymbolicLink",
      dirlink: "SymbolicLink",
      empty: "Directory",
      file: "File",
      full: "Directory",
      link: "SymbolicLink",
      loop: "SymbolicLink"
    }
  },
  { does: "lists nothing with types", act: ({ at, fs }) => fs.readDirectoryEntries(at("none")), gives: MISSING },

  { does: "makes a link", act: ({ at, fs }) => first(fs.symlink("x/y", at("l")), fs.readLink(at("l"))), gives: "x/y" },
  { does: "makes a link over a file", act: ({ at, fs }) => fs.symlink("x", at("file")), gives: TAKEN },
  { does: "reads what is no link", act: ({ at, fs }) => fs.readLink(at("file")), gives: INVALID },

  ...(["file", "full", "link", "dirlink"] as const).map(
    (name): Case => ({ does: `knows that ${name} exists`, act: ({ at, fs }) => fs.exists(at(name)), gives: true })
  ),
  ...(["none", "dangling", "none/none", "full/none"] as const).map(
    (name): Case => ({
      does: `knows that ${name} does not exist`,
      act: ({ at, fs }) => fs.exists(at(name)),
      gives: false
    })
  ),
  { does: "does not know what exists below a file", act: ({ at, fs }) => fs.exists(at("file/x")), gives: NO_DIRECTORY },
  { does: "does not know what a loop ends at", act: ({ at, fs }) => fs.exists(at("loop")), gives: LOOP },
  {
    does: "has no name of 256 bytes",
    act: ({ at, fs }) => fs.exists(at("x".repeat(256))),
    gives: "Unknown ENAMETOOLONG"
  },
  {
    does: "makes no name of 256 bytes",
    act: ({ at, fs }) => fs.makeDirectory(at("ü".repeat(128))),
    gives: "Unknown ENAMETOOLONG"
  },
  { does: "makes a name of 255 bytes", act: ({ at, fs }) => fs.makeDirectory(at("x".repeat(255))), gives: done },
  { does: "takes no null byte", act: ({ at, fs }) => fs.lstat(at("a\0b")), gives: "BadArgument" },
  { does: "takes no empty path", act: ({ fs }) => fs.lstat(""), gives: MISSING },

  {
    does: "changes a mode",
    act: ({ at, fs, volume }) =>
      first(
        fs.chmod(at("file"), 0o640),
        Effect.map(volume.inspect(at("file")), ({ mode }) => mode)
      ),
    gives: 0o640
  },
  {
    does: "changes the mode of what a link points at",
    act: ({ at, fs, volume }) =>
      first(
        fs.chmod(at("link"), 0o640),
        Effect.map(volume.inspect(at("file")), ({ mode }) => mode)
      ),
    gives: 0o640
  },
  { does: "changes the mode of nothing", act: ({ at, fs }) => fs.chmod(at("none"), 0o640), gives: MISSING },
  {
    does: "sets times, in seconds",
    act: ({ at, fs, volume }) =>
      first(
        fs.utimes(at("file"), 5, 1_700_000_000.25),
        Effect.map(volume.inspect(at("file")), ({ mtimeNs }) => mtimeNs)
      ),
    gives: 1_700_000_000_250_000_000n
  },
  {
    does: "sets times before 1970",
    act: ({ at, fs, volume }) =>
      first(
        fs.utimes(at("file"), new Date(0), new Date(-1500)),
        Effect.map(volume.inspect(at("file")), ({ mtimeNs }) => mtimeNs)
      ),
    gives: -1_500_000_000n
  },
  { does: "sets the times of nothing", act: ({ at, fs }) => fs.utimes(at("none"), 1, 1), gives: MISSING }
]
