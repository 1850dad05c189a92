/** The files of an installed program, and how they come onto a disk. */
import { chmodSync, copyFileSync, lutimesSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { epoch } from "./checkout.ts"

/** One file; `path` from the root of the machine. */
export type File = { readonly path: string } & (
  | { readonly text: string | Uint8Array; readonly executable?: boolean }
  | { readonly copyOf: string; readonly executable?: boolean }
)

const write = (root: string, file: File): void => {
  const target = join(root, file.path)
  mkdirSync(dirname(target), { recursive: true })
  if ("text" in file) writeFileSync(target, file.text)
  else copyFileSync(file.copyOf, target)
  chmodSync(target, file.executable === true ? 0o755 : 0o644)
}

/** What lies below a folder, folders before what is in them. */
const below = (folder: string): ReadonlyArray<{ readonly path: string; readonly directory: boolean }> =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => ({ path: join(entry.parentPath, entry.name), directory: entry.isDirectory() }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))

/** Modes of folders and all times, so that the same files make the same tree. */
const settle = (root: string): void => {
  for (const { directory, path } of [...below(root), { path: root, directory: true }].toReversed()) {
    if (directory) chmodSync(path, 0o755)
    lutimesSync(path, epoch, epoch)
  }
}

export const writeTree = (root: string, files: ReadonlyArray<File>): void => {
  mkdirSync(root, { recursive: true })
  for (const file of files) write(root, file)
  settle(root)
}
