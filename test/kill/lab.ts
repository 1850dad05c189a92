/** Three lab hosts and a receiver below one directory, each host behind its own link; one host's disk and those of the receiver are small. */
import * as fs from "node:fs"
import { dirname, join } from "node:path"
import { makeRepository } from "../support/gitRepository.ts"
import { type Ran, RECEIVER } from "../support/shipperBox.ts"
import { makeSmallDisk } from "../support/smallDisk.ts"
import { type Actor, makeActor } from "./actor.ts"
import type { Chance } from "./chance.ts"
import { openLink } from "./link.ts"
import { MAX_EPISODE_BYTES, makeRecorder } from "./recorder.ts"

const MIB = 1024 * 1024
const HOSTS = ["lab-1", "lab-2", "lab-3"] as const
/** Of the host whose disk is small. */
export const SMALL_HOST = HOSTS[0]
export const CONCURRENCY = 4

type Tables = Readonly<Record<string, Readonly<Record<string, string | number | boolean | ReadonlyArray<number>>>>>

const writeConfig = (path: string, first: string, tables: Tables): string => {
  const lines = Object.entries(tables).flatMap(([name, settings]) => [
    `[${name}]`,
    ...Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
  ])
  fs.writeFileSync(path, `${[first, ...lines].join("\n")}\n`)
  return path
}

const makeDirectory = (path: string): string => {
  fs.mkdirSync(path, { recursive: true })
  return path
}

/** `onOwnEnd` is told when a program ends without having been asked to. */
export const openLab = async (root: string, chance: Chance, onOwnEnd: (name: string, ran: Ran) => void) => {
  await using opening = new AsyncDisposableStack()
  const [logs, truth, code] = ["logs", "truth", "code"].map((name) => makeDirectory(join(root, name))) as [
    string,
    string,
    string
  ]
  const repository = makeRepository(code)
  repository.add(3)
  const commit = repository.log()[0] ?? ""
  // A copy: what is built anew meanwhile does not disturb what runs.
  const programs = join(root, "programs")
  fs.cpSync(dirname(RECEIVER), programs, { recursive: true })
  const shipperProgram = join(programs, "cis490-shipper.cjs")
  const receiverProgram = join(programs, "cis490-receiver.cjs")

  const storeDisk = opening.use(await makeSmallDisk(192 * MIB))
  const indexDisk = opening.use(await makeSmallDisk(16 * MIB))
  const paths = {
    store_root: makeDirectory(join(storeDisk.path, "store")),
    incoming_root: makeDirectory(join(storeDisk.path, "incoming")),
    index_path: join(indexDisk.path, "index.jsonl")
  }
  const receiverArgs = (command: string): ReadonlyArray<string> => [command, "--config", join(root, "receiver.toml")]
  writeConfig(join(root, "receiver.toml"), 'listen = "127.0.0.1:0"', {
    paths,
    limits: { min_free_bytes: 0, max_episode_bytes: MAX_EPISODE_BYTES, body_idle_timeout_s: 2 },
    version_gate: { repo_path: code }
  })
  const receiver = makeActor({
    name: "receiver",
    program: receiverProgram,
    args: receiverArgs("run"),
    log: join(logs, "receiver.log"),
    up: /listening address=127\.0\.0\.1:(\d+)/,
    stage: [indexDisk.path, paths.incoming_root, ...HOSTS.map((name) => makeDirectory(join(paths.store_root, name)))],
    onOwnEnd: (ran) => onOwnEnd("receiver", ran)
  })
  opening.defer(async () => void (await receiver.end("SIGKILL")))
  const port = () => {
    const said = receiver.up()?.[1]
    return said === undefined ? undefined : Number(said)
  }

  const openHost = async (name: (typeof HOSTS)[number]) => {
    const disk = name === SMALL_HOST ? opening.use(await makeSmallDisk(64 * MIB)) : undefined
    const home = makeDirectory(join(root, name))
    const top = disk?.path ?? home
    const link = await openLink(chance, port)
    opening.defer(link.close)
    const recorder = makeRecorder(chance, { host: name, root: top, truth, commit })
    const path = (...parts: ReadonlyArray<string>): string => join(top, "data", ...parts)
    const config = writeConfig(join(home, "lab-host.toml"), `host_id = "${name}"`, {
      // The small disk is pruned ahead of the days when it is filled.
      paths: { data_root: path(), min_free_bytes: disk === undefined ? 0 : 4 * MIB },
      receiver: { url: link.url },
      shipper: {
        scan_interval_s: 0.02,
        backoff_seconds: [0.05],
        checkin_interval_s: 0,
        request_timeout_s: 2,
        concurrency: CONCURRENCY,
        // One host sends everything in one piece.
        resume_above_bytes: name === "lab-2" ? 1e9 : 100_000
      },
      code: { repo_path: code },
      retention: {
        keep_local_for_days: disk === undefined ? 0 : 1,
        quarantine_keep_days: 0,
        quarantine_cleanup_interval_s: 1
      }
    })
    const args = (...command: ReadonlyArray<string>): ReadonlyArray<string> => [...command, "--config", config]
    const actor: Actor = makeActor({
      name,
      program: shipperProgram,
      args: args("run"),
      log: join(logs, `${name}.log`),
      up: /^<6>started/m,
      stage: ["episodes", "outbox", "shipped", "quarantine", "state/drafts", "state/packed"].map((below) =>
        makeDirectory(path(below))
      ),
      onOwnEnd: (ran) => onOwnEnd(name, ran)
    })
    opening.defer(async () => void (await actor.end("SIGKILL")))
    const names = (below: string): ReadonlyArray<string> => fs.readdirSync(path(below)).toSorted()
    return { name, disk, link, recorder, actor, program: shipperProgram, args, path, names, top }
  }
  const hosts: Array<Awaited<ReturnType<typeof openHost>>> = []
  for (const name of HOSTS) hosts.push(await openHost(name))

  const opened = opening.move()
  return {
    root,
    truth,
    hosts,
    receiver: { actor: receiver, storeDisk, indexDisk, paths, program: receiverProgram, args: receiverArgs },
    actors: [receiver, ...hosts.map(({ actor }) => actor)],
    /** Copies what lies on the small disks to where it can be looked at later. */
    keep: (): void => {
      const small = hosts.flatMap(({ disk, name }) => (disk === undefined ? [] : [{ name, disk }]))
      for (const { disk, name } of [{ name: "store", disk: storeDisk }, { name: "index", disk: indexDisk }, ...small]) {
        disk.free()
        const options = { recursive: true, preserveTimestamps: true, verbatimSymlinks: true }
        fs.cpSync(`${disk.path}/`, join(root, `disk-of-${name}`), options)
      }
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync()
  }
}
export type Lab = Awaited<ReturnType<typeof openLab>>
export type Host = Lab["hosts"][number]
