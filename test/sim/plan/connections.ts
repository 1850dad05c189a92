/** What may happen to one request on its way. */
export const CONNECTION_FATES = [
  "refused",
  "unreachable",
  "unknownHost",
  "cutBefore",
  "cutRequest",
  "cutAfter",
  "answerLost",
  "duplicated",
  "delayed",
  "answerCut",
  "stalledRequest",
  "stalledAnswer",
  "slow",
  "damaged",
  "busy429",
  "busy503",
  "proxyAfter",
  "garbled"
] as const
export type ConnectionPlan = (typeof CONNECTION_FATES)[number]
