import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { type Loaded, loadConfig } from "../../src/cli/config.ts"
import type { ConfigError } from "../../src/cli/configError.ts"
import type { AnySettings } from "../../src/domain/decodeSettings.ts"
import { Environment } from "../../src/services/Environment.ts"

export type Variables = Readonly<Record<string, string | undefined>>

const info = (size: number): FileSystem.File.Info => ({
  type: "File",
  size: ByteSize.bytes(size),
  mtime: Option.none(),
  atime: Option.none(),
  birthtime: Option.none(),
  dev: 0n,
  rdev: Option.none(),
  ino: Option.none(),
  mode: 0o600,
  nlink: Option.none(),
  uid: Option.none(),
  gid: Option.none(),
  blksize: Option.none(),
  blocks: Option.none()
})

/** The name every configuration has that is loaded from text. */
export const FILE = "/etc/test.toml"

/** Loads a configuration that is nowhere on a disk. */
export const loadText = <S extends AnySettings>(
  schema: S,
  text: string,
  variables: Variables = {}
): Effect.Effect<Loaded<S["Type"]>, ConfigError> => {
  const bytes = new TextEncoder().encode(text)
  return loadConfig(schema, FILE).pipe(
    Effect.provide(
      FileSystem.layerNoop({ stat: () => Effect.succeed(info(bytes.length)), readFile: () => Effect.succeed(bytes) })
    ),
    Effect.provideService(Environment, { variables })
  )
}

/** What loading says is wrong, in the words a person sees. */
export const complaintsAbout = (schema: AnySettings, text: string, variables: Variables = {}): Effect.Effect<string> =>
  Effect.match(loadText(schema, text, variables), { onFailure: (error) => error.message, onSuccess: () => "" })
