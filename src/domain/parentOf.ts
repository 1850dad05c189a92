/** The directory that an absolute path lies in. */
export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/"
