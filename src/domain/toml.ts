/** What a TOML document holds, once it is read. */
export type TomlTable = Readonly<Record<string, unknown>>

export const isTomlTable = (value: unknown): value is TomlTable =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)

/** `[table]`, or `[[table]]` once or more. */
export const isTableOrTables = (value: unknown): boolean =>
  isTomlTable(value) || (Array.isArray(value) && value.length > 0 && value.every(isTomlTable))

/** The own member of a table; whatever a name means to JavaScript, it is a key like any other. */
export const member = (value: unknown, name: string): unknown =>
  isTomlTable(value) && Object.hasOwn(value, name) ? value[name] : undefined
