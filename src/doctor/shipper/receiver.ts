/** What the receiver says to a ping: whether it lets this host in, whether this host's code is allowed, what time it is there. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { duration } from "../../domain/humanize.ts"
import type { PingBody } from "../../domain/ping.ts"
import type { ShipperSettings } from "../../domain/shipperSettings.ts"
import { formatTime, parseTime } from "../../domain/time.ts"
import { Volume } from "../../services/Volume.ts"
import { fromReply, Installation, type PingResult } from "../../shipper/checkin.ts"
import { Destination } from "../../shipper/Destination.ts"
import { installedCommit } from "../../shipper/installedCode.ts"
import { Layout } from "../../shipper/layout.ts"
import { ask } from "../../shipper/Receiver.ts"
import { unlessClosed } from "../closedTo.ts"
import { Ourselves } from "../ourselves.ts"
import { about, type Finding, green, red, yellow } from "../row.ts"
import { elsewhere, word } from "../shell.ts"
import { tokenMend } from "../tokenMend.ts"
import { hostOf, unreachedMend } from "../unreached.ts"
import { type Episodes, oldestOf } from "./episodes.ts"
import { readQuarantine } from "./quarantine.ts"

export interface Asked {
  readonly url: string
  readonly configFile: string
  readonly tokenFile: string | undefined
  /** Looks again as a user who may. */
  readonly asRoot: string
  /** Of the shipper's own. */
  readonly ping: string
}

const healthOf = (url: string): string => `curl -sS ${word(`${url}/v1/health`)}`

const unreached = (error: string, { asRoot, configFile, ping, tokenFile, url }: Asked): Finding => {
  const mend =
    tokenFile !== undefined && error.startsWith("token file")
      ? tokenMend(error, tokenFile, asRoot)
      : unreachedMend(error, { url, configFile, otherwise: ping })
  return red(`not reached: ${error}`, mend)
}

/** Where the mend of an answer is to be made; anything else that is not ours is the wrong URL. */
const answered = (status: number, error: string, { configFile, tokenFile, url }: Asked): Finding => {
  const found = `${error} (HTTP status ${status})`
  if (status === 401) return red(`not let in: ${found}`, `sudoedit ${word(tokenFile ?? configFile)}`)
  if (status === 403) return red(`not let in: ${found}`, `sudoedit ${word(configFile)}`)
  if (status >= 500) return red(`cannot take anything now: ${found}`, healthOf(url))
  if (status === 408 || status === 425 || status === 429) return yellow(`busy: ${found}`, healthOf(url))
  return red(`not let in: ${found}`, `sudoedit ${word(configFile)}`)
}

export const judgePing = ({ body, error, status_code }: PingResult, asked: Asked): Finding => {
  if (status_code === 0) return unreached(error ?? "no reason given", asked)
  if (Predicate.isObject(body) && body.ok === true && status_code === 200)
    return green("answers, and lets this host in")
  return answered(status_code, error ?? "no reason given", asked)
}

/** `commit` of the code on this host; `update` brings it up to date. */
export const judgeCommit = (
  commit: string | undefined,
  body: { readonly commit_allowed?: unknown; readonly head_commit?: unknown },
  {
    edit,
    repoPath,
    update,
    url
  }: {
    /** Opens the configuration. */
    readonly edit: string
    readonly repoPath: string
    readonly update: string
    readonly url: string
  }
): Finding => {
  if (commit === undefined) {
    return yellow(
      `which code this host runs is not known: there is no commit at ${repoPath}; code.repo_path is to be its checkout`,
      edit
    )
  }
  const short = commit.slice(0, 12)
  const head = Predicate.isString(body.head_commit) ? `; the newest is ${body.head_commit.slice(0, 12)}` : ""
  if (body.commit_allowed === true) return green(`${short} is in the window`)
  if (body.commit_allowed === false)
    return red(`${short} is not in the window${head}: new episodes will be refused`, update)
  return yellow(
    `the receiver cannot tell now whether ${short} is in the window`,
    elsewhere(hostOf(url), "sudo cis490-receiver doctor")
  )
}

const OFF_MILLIS = 60_000
const FAR_OFF_MILLIS = 300_000

/** `ours` is the time here when `theirs` was said. Milliseconds since 1970. */
export const judgeClock = (ours: number, theirs: number): Finding => {
  const off = ours - theirs
  const found = `${duration(Math.abs(off))} ${off > 0 ? "ahead of" : "behind"} the receiver's`
  const mend = "sudo timedatectl set-ntp true && sudo systemctl restart systemd-timesyncd"
  if (Math.abs(off) >= FAR_OFF_MILLIS) return red(found, mend)
  return Math.abs(off) >= OFF_MILLIS
    ? yellow(found, mend)
    : green(`within ${Math.ceil(Math.abs(off) / 1000)} s of the receiver's`)
}

/** What the ping says of this host beside its name: as far as it can be had soon, so that a disk that hangs keeps nobody waiting. */
const OWN_WORDS_MILLIS = 2000

const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.timeoutOption(Effect.option(effect), OWN_WORDS_MILLIS), Option.flatten)

/** Nothing is written for it: a host without an `instance_id` gets one from the daemon. */
const instanceId = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString(`${(yield* Layout).state}/instance_id`)
  return /^[0-9a-f]{32}$/.test(text) ? text : null
})

const ownWords = Effect.fnUntraced(function* <E, R>(episodes: Effect.Effect<Episodes, E, R>) {
  const { hostId } = yield* Destination
  const { repoPath, version } = yield* Installation
  const volume = yield* Volume
  const [commit, instance, seen, quarantined, space] = yield* Effect.all(
    [
      soon(installedCommit(repoPath)),
      soon(instanceId),
      soon(episodes),
      soon(readQuarantine(0)),
      soon(volume.space((yield* Layout).root))
    ],
    { concurrency: "unbounded" }
  )
  const oldest = Option.map(seen, ({ waiting }) => oldestOf(waiting))
  return {
    host_id: hostId,
    commit: Option.getOrUndefined(commit) ?? null,
    version,
    instance_id: Option.getOrNull(instance),
    waiting: Option.getOrNull(Option.map(seen, ({ left, waiting }) => waiting.length + left)),
    oldest_waiting_at: Option.match(oldest, {
      onNone: () => null,
      onSome: (found) => (found === undefined ? null : formatTime(found.since))
    }),
    quarantined: Option.getOrNull(Option.map(quarantined, (entries) => entries.length)),
    conflicts: Option.getOrNull(Option.map(seen, ({ held }) => held.length)),
    free_bytes: Option.getOrNull(Option.map(space, ({ freeBytes }) => freeBytes))
  } satisfies PingBody
})

export const lookAtReceiver = Effect.fnUntraced(function* <E, R, R2>(
  settings: ShipperSettings,
  episodes: Effect.Effect<Episodes, E, R>,
  update: Effect.Effect<string, never, R2>
) {
  const { asRoot, command, configFile } = yield* Ourselves
  const { bearer_token_file: tokenFile, url } = settings.receiver
  const words = yield* ownWords(episodes)
  const asked = yield* Clock.currentTimeMillis
  const result = yield* ask(words).pipe(
    Effect.map(({ body, status }) => fromReply(status, body)),
    Effect.catchTag("Unanswered", ({ error }) =>
      Effect.succeed<PingResult>({ ok: false, status_code: 0, body: null, error })
    )
  )
  const heard = yield* Clock.currentTimeMillis
  const ping = judgePing(result, { url, asRoot: asRoot("doctor"), configFile, tokenFile, ping: command("ping") })
  const door = yield* unlessClosed([tokenFile], ping)
  if (ping.state !== "green" || !Predicate.isObject(result.body)) return [door]
  const repoPath = settings.code.repo_path
  const mends = { edit: `sudoedit ${word(configFile)}`, repoPath, update: yield* update, url }
  const commit = judgeCommit(words.commit ?? undefined, result.body, mends)
  const said = Predicate.isString(result.body.server_time) ? parseTime(result.body.server_time) : Option.none()
  return [
    door,
    about(repoPath, commit, "commit"),
    ...Option.match(said, {
      onNone: () => [],
      onSome: (theirs) => [about("this host", judgeClock((asked + heard) / 2, theirs), "clock")]
    })
  ]
})
