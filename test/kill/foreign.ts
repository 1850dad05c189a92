/** What Debian's tools say of stored tarballs and of episodes on a host. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { bash } from "../support/tools.ts"

export interface StoredFile {
  readonly path: string
  readonly episodeId: string
  /** What must be in it. */
  readonly manifest: string
}

/** Whole to zstd, readable to tar, one top directory, in it exactly the files of the manifest. Names what is not. */
const JUDGE_TARBALLS = `
while IFS=$'\\t' read -r tarball id manifest; do
  rm -rf out && mkdir out
  if ! zstd -q -t -- "$tarball"; then echo "zstd -t refuses $tarball"
  elif ! zstd -q -d -c -- "$tarball" | tar -x -C out; then echo "tar cannot read $tarball"
  elif [ "$(ls -A out)" != "$id" ]; then echo "$tarball holds $(ls -A out), not $id"
  elif ! (cd "out/$id" && sha256sum --check --strict --quiet "$manifest"); then echo "$tarball does not hold what $manifest says"
  elif [ "$(find out -type f | wc -l)" != "$(wc -l < "$manifest")" ]; then echo "$tarball holds files that $manifest does not say"
  fi
done < tarballs
rm -rf out`

const JUDGE_SUMS = `[ ! -s sums ] || sha256sum --check --strict --quiet sums || echo "sha256sum: the index does not say what the store holds"`

const JUDGE_DIRECTORIES = `
while IFS=$'\\t' read -r directory manifest; do
  (cd "$directory" && sha256sum --check --strict --quiet "$manifest") || echo "$directory is not what $manifest says"
done < directories`

const run = async (scratch: string, script: string): Promise<ReadonlyArray<string>> => {
  const { code, stderr, stdout } = await bash(scratch, script)
  const said = stdout.split("\n").filter((line) => line !== "")
  return code === 0 && said.length === 0 ? [] : [...said, ...(stderr === "" ? [] : [stderr.slice(0, 2000)])]
}

/** Complaints about stored tarballs. */
export const judgeTarballs = (scratch: string, files: ReadonlyArray<StoredFile>): Promise<ReadonlyArray<string>> => {
  writeFileSync(join(scratch, "tarballs"), files.map((it) => `${it.path}\t${it.episodeId}\t${it.manifest}\n`).join(""))
  return run(scratch, JUDGE_TARBALLS)
}

/** Complaints about files that do not have the SHA-256 that the index says. */
export const judgeSums = (
  scratch: string,
  sums: ReadonlyArray<{ readonly path: string; readonly sha256: string }>
): Promise<ReadonlyArray<string>> => {
  writeFileSync(join(scratch, "sums"), sums.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join(""))
  return run(scratch, JUDGE_SUMS)
}

/** Complaints about directories on a host that do not hold what was recorded. */
export const judgeDirectories = (
  scratch: string,
  directories: ReadonlyArray<{ readonly path: string; readonly manifest: string }>
): Promise<ReadonlyArray<string>> => {
  writeFileSync(
    join(scratch, "directories"),
    directories.map(({ manifest, path }) => `${path}\t${manifest}\n`).join("")
  )
  return run(scratch, JUDGE_DIRECTORIES)
}
