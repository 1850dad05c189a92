import * as Hex from "effect/encoding/Hex"
import * as Schema from "effect/Schema"

const TOKEN = /^[0-9a-f]{32}$/

/** What an upload's resource is called: 128 random bits in lower-case hexadecimal. Who knows it still has to say who he is. */
export const UploadToken = Schema.String.check(Schema.isPattern(TOKEN)).pipe(Schema.brand("UploadToken"))
export type UploadToken = typeof UploadToken.Type

export const TOKEN_BYTES = 16

// Not through the schema: asked of every name in a directory.
export const isUploadToken = (text: string): text is UploadToken => TOKEN.test(text)

/** Of `TOKEN_BYTES` random bytes. */
export const uploadTokenOf = (random: Uint8Array): UploadToken => UploadToken.make(Hex.encode(random))
