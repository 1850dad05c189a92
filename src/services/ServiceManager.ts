import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** A unit as the service manager has it, in its own words (systemctl(1), `show`). */
export interface Unit {
  /** `loaded`, `not-found`, `masked`, `bad-setting`, `error`. */
  readonly load: string
  /** `active`, `inactive`, `failed`, `activating`, `deactivating`, `reloading`. */
  readonly active: string
  /** `running`, `dead`, `auto-restart`, … */
  readonly sub: string
  /** `enabled`, `disabled`, `static`, `masked`, …; empty where nothing is installed. */
  readonly file: string
  /** How it ended last: `success`, `exit-code`, `watchdog`, … */
  readonly result: string
  /** Whom it runs as; empty for root. */
  readonly user: string
  /** Those that its user is put into, beside those that he is in. */
  readonly groups: ReadonlyArray<string>
  /** Times it was started again by itself since somebody started it. */
  readonly restarts: number
}

/** There is no service manager to ask, or it does not let us. */
export class NoServiceManager extends Schema.TaggedError<NoServiceManager>()("NoServiceManager", {
  /** In words. */
  message: Schema.String
}) {}

/** Who starts our programs, and starts them again. Asked only. */
export class ServiceManager extends Context.Service<
  ServiceManager,
  { readonly unit: (name: string) => Effect.Effect<Unit, NoServiceManager> }
>()("cis490/services/ServiceManager") {}
