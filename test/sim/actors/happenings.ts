/** What people and the world do, each at its time. Calls and connections are not among them: those are asked about as they come. */
import { DONE_MARKER, EPISODES, QUARANTINE, storedPath } from "../checks/places.ts"
import type { Event, Kind } from "../plan/plan.ts"
import { appendDurably, attempt, removeAll, syncPath, writeFileDurably } from "./hands.ts"
import { recordAgain } from "./recorder.ts"
import { TOKEN, TOKEN_FILE } from "./settings.ts"
import type { Stage } from "./stage.ts"

export type Timed = Exclude<Event, { readonly kind: "call" | "connection" }>
type Of<K extends Kind> = Extract<Timed, { readonly kind: K }>
type Acts = { readonly [K in Timed["kind"]]: (stage: Stage, event: Of<K>) => void }

const encoder = new TextEncoder()
const FILLER = "/var/filler"

const onMachine = (stage: Stage, host: string, act: () => void): void => {
  if (stage.machineOf(host).on) attempt(act)
}

const acts: Acts = {
  crash: (stage, { how, machine, offMillis }) => stage.supervisor.crash(machine, how, offMillis),
  restart: (stage, { machine }) => stage.supervisor.restart(machine),
  clock: (stage, { byMillis, machine }) => stage.machineOf(machine).jumpClock(byMillis),
  // Asked about with every request.
  proxy: () => undefined,
  unplugged: () => undefined,
  thin: () => undefined,
  forgejo: ({ forgejo, world }, { forMillis, mode }) => {
    const before = forgejo.commits
    if (mode === "empty") forgejo.commits = []
    else forgejo.mood = mode === "slow" ? { _tag: "Slow", millis: 4000 } : { _tag: mode === "down" ? "Down" : "Silent" }
    world.after(forMillis, () => {
      forgejo.mood = { _tag: "Up" }
      if (mode === "empty" && forgejo.commits.length === 0) forgejo.commits = before
    })
  },
  push: (stage, { commits }) => stage.push(commits),
  diskFull: (stage, { forMillis, leaveBytes, machine: name }) => {
    const machine = stage.machineOf(name)
    const { disk, on } = machine
    if (!on) return
    attempt(() => {
      const file = disk.open(FILLER, { write: true, create: true })
      disk.ftruncate(file, 0)
      const bytes = Math.max(0, disk.statfs("/").freeBytes - leaveBytes)
      disk.write(file, new Uint8Array(bytes), 0)
      disk.close(file)
    })
    machine.note(`its disk fills up: ${disk.statfs("/").freeBytes} bytes are left`)
    const free = (): void => {
      // Whoever mends it waits for the machine.
      if (!machine.on) return void stage.world.after(1000, free)
      attempt(() => removeAll(disk, FILLER))
      machine.note("its disk has room again")
    }
    stage.world.after(forMillis, free)
  },
  wrongToken: (stage, { forMillis, host }) => {
    const put = (token: string): void =>
      onMachine(stage, host, () =>
        writeFileDurably(stage.machineOf(host).disk, TOKEN_FILE, encoder.encode(token), 0o600)
      )
    put("not-the-token-of-this-host")
    const mend = (): void => {
      // Whoever mends it waits for the machine.
      if (stage.machineOf(host).on) put(TOKEN)
      else stage.world.after(1000, mend)
    }
    stage.world.after(forMillis, mend)
  },
  command: (stage, { argv, host }) => stage.operator.run(host, argv),
  delete: (stage, { episode, host }) =>
    onMachine(stage, host, () => {
      const path = `${EPISODES}/${episode}`
      const { disk } = stage.machineOf(host)
      if (disk.current().stat(path) === undefined) return
      stage.forfeitAt(host, path, "deleted by hand")
      stage.ledger.disturb(host, episode)
      removeAll(disk, path)
      stage.written(host, episode)
      stage.world.note(host, `somebody deletes ${path}`)
    }),
  moveBack: (stage, { episode, host }) =>
    onMachine(stage, host, () => {
      const { disk } = stage.machineOf(host)
      const [from, to] = [`${QUARANTINE}/${episode}`, `${EPISODES}/${episode}`]
      if (disk.current().stat(from) === undefined || disk.current().stat(to) !== undefined) return
      disk.rename(from, to)
      syncPath(disk, QUARANTINE)
      syncPath(disk, EPISODES)
      stage.world.note(host, `somebody moves ${from} back`)
    }),
  change: (stage, { episode: id, host }) =>
    onMachine(stage, host, () => {
      const machine = stage.machineOf(host)
      const path = `${EPISODES}/${id}`
      const view = machine.disk.current()
      const before = stage.ledger.latest(host, id)
      const reader = stage.readers(machine).current
      // Only what is finished and untouched since: anything else is a recorder's own affair.
      if (
        before === undefined ||
        view.stat(`${path}/${DONE_MARKER}`) === undefined ||
        reader.ofDirectory(view, path) !== before.content
      )
        return
      appendDurably(machine.disk, `${path}/events.jsonl`, encoder.encode(`{"late":${stage.world.now()}}\n`))
      syncPath(machine.disk, path)
      const content = reader.ofDirectory(view, path)
      if (content === undefined) return
      before.forfeited = "written to after it was finished"
      stage.ledger.announce(content)
      stage.ledger.finish({ ...before, content, finishedAt: stage.world.now(), changed: true })
      stage.written(host, id)
      stage.world.note(host, `somebody writes to ${path}/events.jsonl`)
    }),
  rerecord: (stage, { episode, host }) => {
    const plan = stage.planOf(host).episodes.find(({ id }) => id === episode)
    if (plan !== undefined) recordAgain(stage, host, plan)
  },
  loseStored: (stage, { episode, host }) => {
    const path = storedPath(host, episode)
    const { central } = stage
    if (!central.on || central.disk.current().stat(path) === undefined) return
    stage.taken(path)
    attempt(() => removeAll(central.disk, path))
    stage.ledger.lose(host, episode)
    stage.forfeitLost()
    stage.world.note(central.name, `${path} is lost`)
  }
}

/** `act` of one event; which is which the compiler cannot see. */
const perform = (stage: Stage, event: Timed): void => {
  const act = acts[event.kind] as (stage: Stage, event: Timed) => void
  act(stage, event)
  for (const machine of [...stage.hosts.values(), stage.central]) stage.disturbed(machine)
}

export const schedule = (stage: Stage, events: ReadonlyArray<Event>, happened: (event: Event) => void): void => {
  for (const event of events) {
    if (event.kind === "call" || event.kind === "connection") continue
    stage.world.after(event.at, () => {
      happened(event)
      perform(stage, event)
    })
  }
}
