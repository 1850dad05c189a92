import { describe, expect, it } from "vitest"
import { addForgejo, type Mood } from "../network/forgejo.ts"
import type { Call } from "./call.ts"
import { COMMIT, DATA, makeSmallLab, put, type SmallLab, type SmallLabOptions, STORE } from "./smallLab.ts"

const MINUTE = 60_000

const ship = (options: Omit<SmallLabOptions, "hosts" | "episodes">): SmallLab => {
  const lab = makeSmallLab({ hosts: 2, episodes: 3, ...options })
  for (const machine of [lab.receiver, ...lab.hosts]) lab.start(machine)
  lab.runFor(MINUTE)
  return lab
}

describe("the real programs in the simulated world", () => {
  it("ship every episode, whole, once", () => {
    const { hosts, receiver } = ship({ seed: 1 })
    for (const { disk, name } of hosts) {
      expect(disk.current().list(`${DATA}/episodes`)).toEqual([])
      expect(disk.current().list(`${DATA}/shipped`)).toEqual(expect.arrayContaining(["E1", "E2", "E3"]))
      expect(receiver.disk.durable().list(`${STORE}/${name}`)).toEqual(["E1.tar.zst", "E2.tar.zst", "E3.tar.zst"])
    }
  })

  it("do the same again, byte for byte, with the same seed", () => {
    const [first, second, other] = [ship({ seed: 7 }), ship({ seed: 7 }), ship({ seed: 8 })]
    expect(second.world.history).toEqual(first.world.history)
    expect(other.world.history).not.toEqual(first.world.history)
  })

  it("do the same again when calls fail, connections break and clocks jump", () => {
    const troubled = (seed: number) => {
      let calls = 0
      const lab = makeSmallLab({
        seed,
        hosts: 2,
        episodes: 3,
        decide: ({ random }) => ({
          latencyMillis: random.next(),
          ...(++calls % 89 === 0 && { fault: { _tag: "Fail", code: random.pick(["EIO", "ENOSPC", "EMFILE"]) } })
        }),
        passage: ({ from, number }) =>
          number % 3 === 0 ? { trouble: { _tag: "Cut", when: { share: from.random.next() }, how: "reset" } } : {}
      })
      for (const machine of [lab.receiver, ...lab.hosts]) lab.keepRunning(machine)
      lab.world.after(20, () => lab.hosts[0]?.jumpClock(-86_400_000))
      lab.runFor(MINUTE)
      return lab.world.history
    }
    const first = troubled(3)
    expect(troubled(3)).toEqual(first)
    expect(first.some((line) => line.includes("[EIO]"))).toBe(true)
    expect(first.some((line) => line.includes("Cut"))).toBe(true)
  })
})

describe("a crash", () => {
  const sync = ({ method, target }: Call) => method === "sync" && target.endsWith("E2.tar.zst.partial")

  it.each(["kill", "power"] as const)("by %s is the last thing that the process does", (how) => {
    const lab = makeSmallLab({
      seed: 1,
      hosts: 1,
      episodes: 3,
      decide: (_, call) => ({
        latencyMillis: 0.1,
        ...(sync(call) && { fault: { _tag: "Crash", when: "after", how } })
      })
    })
    const [host] = lab.hosts
    if (host === undefined) throw new Error("no host")
    lab.start(lab.receiver)
    const running = lab.start(host)
    let frozen: number | undefined
    lab.world.run(lab.world.now() + MINUTE, () => {
      if (running.process.alive) return
      frozen ??= host.disk.version
      expect(host.disk.version).toBe(frozen)
    })
    expect(running.process.end).toEqual({ _tag: how === "kill" ? "Killed" : "PowerCut" })
    // Of a disk that lost power nothing is left to be synced; of one whose program was killed something is.
    expect(host.disk.pending > 0).toBe(how === "kill")
    expect(running.heard.map(({ notification }) => notification)).not.toContain("STOPPING=1")
    const lines = lab.world.history.filter((line) => line.includes("lab-1/shipper#1"))
    const end = lines.findIndex((line) => line.endsWith(how === "kill" ? "is killed" : "loses power"))
    expect(end).toBe(lines.length - 1)
    expect(lines[end - 1]).toContain("fs.sync")
  })

  it("lets go of locks and ports, and the next incarnation goes on", () => {
    let crashed = false
    const lab = makeSmallLab({
      seed: 1,
      hosts: 1,
      episodes: 3,
      decide: ({ machine }, { method, service }) => {
        const now = !crashed && machine.name === "receiver" && service === "net" && method === "answer"
        crashed ||= now
        return { latencyMillis: 0.1, ...(now && { fault: { _tag: "Crash", when: "before", how: "kill" } }) }
      }
    })
    const [host] = lab.hosts
    if (host === undefined) throw new Error("no host")
    const first = lab.start(lab.receiver)
    lab.start(host)
    lab.runFor(1000)
    expect(first.process.alive).toBe(false)
    const second = lab.start(lab.receiver)
    lab.runFor(MINUTE)
    expect(second.process.alive).toBe(true)
    expect([...(lab.receiver.disk.current().list(`${STORE}/lab-1`) ?? [])].toSorted()).toEqual([
      "E1.tar.zst",
      "E2.tar.zst",
      "E3.tar.zst"
    ])
  })
})

describe("SIGTERM", () => {
  it("ends the programs as a service manager sees it", () => {
    const lab = makeSmallLab({ seed: 1, hosts: 1, episodes: 1 })
    const [host] = lab.hosts
    if (host === undefined) throw new Error("no host")
    const programs = [lab.start(lab.receiver), lab.start(host)]
    lab.runFor(MINUTE)
    for (const { terminate } of programs) terminate()
    lab.runFor(MINUTE)
    for (const { heard, process } of programs) {
      expect(process.end).toEqual({ _tag: "Exited", code: 0, defect: false })
      expect(heard.map(({ notification }) => notification)).toContain("STOPPING=1")
    }
  })

  it("before the program has begun ends it at once", () => {
    const lab = makeSmallLab({ seed: 1, hosts: 0, episodes: 0 })
    const running = lab.start(lab.receiver)
    running.terminate()
    lab.runFor(MINUTE)
    expect(running.process.alive).toBe(false)
  })
})

it("a second daemon names the first, and ends with 1", () => {
  const lab = makeSmallLab({ seed: 1, hosts: 1, episodes: 1 })
  const [host] = lab.hosts
  if (host === undefined) throw new Error("no host")
  const first = lab.start(host)
  lab.runFor(1000)
  const second = lab.start(host)
  lab.runFor(1000)
  expect(first.process.alive).toBe(true)
  expect(second.process.end).toEqual({ _tag: "Exited", code: 1, defect: false })
  expect(second.stderr.join("\n")).toContain(`pid ${first.process.pid}`)
})

it("a sync that fails is a defect, and the process ends", () => {
  const lab = makeSmallLab({
    seed: 1,
    hosts: 1,
    episodes: 1,
    decide: ({ machine }, { method, target }) => ({
      latencyMillis: 0.1,
      ...(machine.name === "receiver" &&
        method === "sync" &&
        target.endsWith("index.jsonl") && { fault: { _tag: "Fail", code: "EIO" } })
    })
  })
  const receiver = lab.start(lab.receiver)
  for (const host of lab.hosts) lab.start(host)
  lab.runFor(MINUTE)
  expect(receiver.process.end).toEqual({ _tag: "Exited", code: 1, defect: true })
})

describe("the gate asks", () => {
  const older = Array.from({ length: 120 }, (_, n) => (n + 1).toString(16).padStart(40, "0"))
  const gate = `forgejo_url = "http://forgejo:3000"
repo_owner = "lab"
repo_name = "cis490"
`
  const ask = (mood: Mood, commits: ReadonlyArray<string>, checkout: boolean) => {
    const lab = makeSmallLab({ seed: 1, hosts: 1, episodes: 1, gate })
    const forgejo = addForgejo(lab.world, lab.network, { owner: "lab", name: "cis490", branch: "main", commits })
    forgejo.mood = mood
    if (checkout) put(lab.receiver.disk, "/opt/cis490/.git/log", `${COMMIT}\n`)
    lab.start(lab.receiver)
    for (const host of lab.hosts) lab.start(host)
    lab.runFor(MINUTE)
    const said = lab.world.history.filter((line) => line.includes("net.answer") && line.includes("PUT"))
    return said.at(-1)?.match(/answer (\d+)/)?.[1]
  }
  it.each<readonly [string, Mood, ReadonlyArray<string>, boolean, string]>([
    ["a Forgejo with the commit, on its second page", { _tag: "Up" }, [...older.slice(0, 60), COMMIT], false, "201"],
    ["a Forgejo without it", { _tag: "Up" }, older, false, "412"],
    ["a Forgejo that is slow", { _tag: "Slow", millis: 5000 }, [COMMIT], false, "201"],
    ["a Forgejo that is down", { _tag: "Down" }, [COMMIT], false, "503"],
    ["a Forgejo that never answers", { _tag: "Silent" }, [COMMIT], false, "503"],
    ["an empty repository", { _tag: "Up" }, [], false, "503"],
    ["a checkout instead", { _tag: "Down" }, [], true, "201"]
  ])("%s", (_, mood, commits, checkout, status) => {
    expect(ask(mood, commits, checkout)).toBe(status)
  })
})

it("the lookup beside the index outlives a process that is killed", () => {
  // It is told of many rows at once: so many that it was told of some.
  const lab = makeSmallLab({ seed: 1, hosts: 1, episodes: 100 })
  const first = lab.start(lab.receiver)
  for (const host of lab.hosts) lab.start(host)
  lab.runFor(MINUTE)
  first.kill()
  const second = lab.start(lab.receiver)
  lab.runFor(MINUTE)
  expect(second.process.alive).toBe(true)
  expect(lab.world.history.filter((line) => line.includes("lookup.clear")).length).toBe(1)
})
