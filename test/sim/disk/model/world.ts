/** One thing that is done twice: to the real disk and to the simulated one. */
import type { Calls, OpenFile } from "../disk.ts"

export interface World {
  readonly top: string
  readonly calls: Calls
  readonly handles: Array<{ readonly fd: number; readonly file: OpenFile }>
}

export type Act = { readonly real: () => unknown; readonly simulated: () => unknown }
/** `words` say what is done, for when it is not the same. */
export type Step = { readonly words: string; readonly act: (world: World) => Act }

export const step = (words: string, act: Step["act"]): Step => ({ words, act })

export const onPath = (
  word: string,
  path: string,
  real: (path: string) => unknown,
  simulated: (calls: Calls, path: string) => unknown
): Step =>
  step(`${word} ${path}`, ({ calls, top }) => ({
    real: () => real(`${top}/${path}`),
    simulated: () => simulated(calls, `${top}/${path}`)
  }))

export const onHandle = (
  words: string,
  index: number,
  real: (fd: number) => unknown,
  simulated: (calls: Calls, file: OpenFile) => unknown
): Step =>
  step(`${words} #${index}`, ({ calls, handles }) => {
    const handle = handles[index % Math.max(1, handles.length)]
    return {
      real: () => handle && real(handle.fd),
      simulated: () => handle && simulated(calls, handle.file)
    }
  })
