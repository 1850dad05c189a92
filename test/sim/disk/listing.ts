/** The order in which a directory gives its names: by their hashes, as ext4 has it. */
import type { DirectoryInode } from "./inode.ts"

/** FNV-1a, 32 bits. */
const hash = (name: string, salt: number): number => {
  let h = 0x811c9dc5 ^ salt
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193)
  return h ^ (h >>> 15)
}

export const listingOf = (directory: DirectoryInode, salt: number): ReadonlyArray<string> => {
  directory.listing ??= [...directory.entries.keys()]
    .map((name) => ({ name, at: hash(name, salt) }))
    .toSorted((a, b) => a.at - b.at || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name)
  return directory.listing
}
