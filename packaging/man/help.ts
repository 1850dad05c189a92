/** What the command line says about itself, as data. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Context from "effect/Context"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import type { HelpDoc } from "effect/cli/HelpDoc"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** A command's help and that of the commands below it. */
export interface CommandHelp {
  readonly doc: HelpDoc
  readonly subcommands: ReadonlyArray<CommandHelp>
}

export type Help = Effect.Effect<CommandHelp>

const builtIns = CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] })

const namesBelow = (doc: HelpDoc): ReadonlyArray<string> =>
  (doc.subcommands ?? []).flatMap(({ commands }) => commands.map(({ name }) => name))

/** `--help` of a command and of all below it, before it becomes text. */
export const helpOf = <const Name extends string, Input, ContextInput, E, R>(
  root: Command.Command<Name, Input, ContextInput, E, R>
): Help => {
  const ask = (path: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const docs: Array<HelpDoc> = []
      const present = (event: CliOutput.Presenter.Event) =>
        Effect.sync(() => void (event._tag === "Help" && docs.push(event.helpDoc)))
      // With --help no command is run, so nothing of what commands need is asked for.
      const unneeded = Context.empty() as Context.Context<R>
      yield* Command.runWith(root, { version: "" })([...path, "--help"]).pipe(
        Effect.provide(Layer.mergeAll(NodeServices.layer, builtIns, CliOutput.layerPresenter({ present }))),
        Effect.provideContext(unneeded),
        Effect.orDie
      )
      const [doc] = docs
      if (doc === undefined) return yield* Effect.die(new Error(`no help for ${path.join(" ")}`))
      return doc
    })
  const collect = (path: ReadonlyArray<string>): Help =>
    Effect.gen(function* () {
      const doc = yield* ask(path)
      const subcommands = yield* Effect.forEach(namesBelow(doc), (name) => collect([...path, name]))
      return { doc, subcommands }
    })
  return collect([])
}
