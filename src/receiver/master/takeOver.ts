/** How this master gets the say where an agent has obeyed another: arguments of `cis490-receiver`. */
export const takeOver = (hostId: string, wantsNothing: boolean): string =>
  wantsNothing ? `topology clear ${hostId} --take-over` : `topology set ${hostId} FILE --take-over`
