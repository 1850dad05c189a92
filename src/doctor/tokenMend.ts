import { word } from "./shell.ts"

/** What mends a token file that cannot be had, by the words of why: whom it is closed to, root is not. */
export const tokenMend = (why: string, file: string, asRoot: string): string =>
  why.includes("may not be read by this user") ? asRoot : `sudoedit ${word(file)}`
