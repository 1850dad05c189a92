/** Whole files. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { bytes, type Case, first, IS_DIRECTORY, MISSING, readBack, TAKEN, text } from "./case.ts"

export const wholeCases: ReadonlyArray<Case> = [
  { does: "reads a file", act: ({ at, fs }) => Effect.map(fs.readFile(at("file")), text), gives: "hello" },
  {
    does: "reads an empty file",
    act: (h) => first(h.fs.writeFileString(h.at("new"), ""), readBack(h, "new")),
    gives: ""
  },
  { does: "reads nothing", act: ({ at, fs }) => fs.readFile(at("none")), gives: MISSING },
  { does: "reads no directory whole", act: ({ at, fs }) => fs.readFile(at("full")), gives: IS_DIRECTORY },
  { does: "reads through a link", act: (h) => readBack(h, "link"), gives: "hello" },
  {
    does: "writes a file",
    act: (h) => first(h.fs.writeFileString(h.at("file"), "new"), readBack(h, "file")),
    gives: "new"
  },
  {
    does: "writes a file that must not be there",
    act: ({ at, fs }) => fs.writeFile(at("file"), bytes("x"), { flag: "wx" }),
    gives: TAKEN
  },
  {
    does: "writes behind a file's end",
    act: (h) => first(h.fs.writeFileString(h.at("file"), "!", { flag: "a" }), readBack(h, "file")),
    gives: "hello!"
  },
  { does: "writes no directory", act: ({ at, fs }) => fs.writeFileString(at("full"), "x"), gives: IS_DIRECTORY },
  { does: "writes below nothing", act: ({ at, fs }) => fs.writeFileString(at("none/x"), "x"), gives: MISSING },
  { does: "truncates by name", act: (h) => first(h.fs.truncate(h.at("file"), 1), readBack(h, "file")), gives: "h" },
  { does: "truncates nothing", act: ({ at, fs }) => fs.truncate(at("none"), 1), gives: MISSING },
  { does: "truncates no directory", act: ({ at, fs }) => fs.truncate(at("full"), 1), gives: IS_DIRECTORY },
  {
    does: "streams a file in chunks",
    act: ({ at, fs }) =>
      Effect.map(Stream.runCollect(fs.stream(at("file"), { chunkSize: 2 })), (chunks) => chunks.map(text)),
    gives: ["he", "ll", "o"]
  },
  {
    does: "streams a part of a file",
    act: ({ at, fs }) =>
      Effect.map(Stream.runCollect(fs.stream(at("file"), { chunkSize: 2, offset: 1, bytesToRead: 3 })), (chunks) =>
        chunks.map(text)
      ),
    gives: ["el", "l"]
  },
  { does: "streams nothing", act: ({ at, fs }) => Stream.runDrain(fs.stream(at("none"))), gives: MISSING },
  {
    does: "takes a stream",
    act: (h) => first(Stream.run(Stream.make(bytes("a"), bytes("b")), h.fs.sink(h.at("new"))), readBack(h, "new")),
    gives: "ab"
  }
]
