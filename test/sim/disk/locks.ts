/** flock(2): advisory, of an open file description, gone with its last descriptor. */
import type { Inode } from "./inode.ts"
import type { OpenFile } from "./openFile.ts"

export type LockKind = "shared" | "exclusive"

export class Locks {
  #held = new WeakMap<Inode, Map<OpenFile, LockKind>>()

  /** False when somebody else is in the way. */
  take(file: OpenFile, kind: LockKind): boolean {
    const held = this.#held.get(file.inode) ?? new Map<OpenFile, LockKind>()
    for (const [other, theirs] of held) {
      if (other !== file && (kind === "exclusive" || theirs === "exclusive")) return false
    }
    held.set(file, kind)
    this.#held.set(file.inode, held)
    return true
  }

  release(file: OpenFile): void {
    this.#held.get(file.inode)?.delete(file)
  }

  clear(): void {
    this.#held = new WeakMap()
  }
}
