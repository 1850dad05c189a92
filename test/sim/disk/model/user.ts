/** Permissions are asked of ordinary users only: tests that compare them with the real system must be one. */
const NOBODY = 65_534

export const isRoot = process.geteuid?.() === 0

/** Does it as an ordinary user, also where root runs the tests. */
export const asOrdinaryUser = <A>(act: () => A): A => {
  if (!isRoot) return act()
  process.seteuid?.(NOBODY)
  try {
    return act()
  } finally {
    process.seteuid?.(0)
  }
}

/** Whom what the ordinary user is to have belongs to. */
export const ordinaryUser = isRoot ? NOBODY : (process.geteuid?.() ?? NOBODY)
