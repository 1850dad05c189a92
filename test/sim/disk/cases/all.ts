import type { Case } from "./case.ts"
import { nameCases } from "./names.ts"
import { openCases } from "./open.ts"
import { volumeCases } from "./volume.ts"
import { wholeCases } from "./whole.ts"

export const cases: ReadonlyArray<Case> = [...nameCases, ...openCases, ...wholeCases, ...volumeCases]
