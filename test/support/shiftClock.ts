/** Loaded before a program: its wall clock is ahead by CIS490_TEST_AHEAD_MS. */
const ahead = Number(process.env.CIS490_TEST_AHEAD_MS)
const RealDate = globalThis.Date
const now = (): number => RealDate.now() + ahead

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: ReadonlyArray<unknown>) => Reflect.construct(target, args.length === 0 ? [now()] : args),
  get: (target, key) => (key === "now" ? now : Reflect.get(target, key))
})
