import * as fs from "node:fs"
import { expect, test } from "vitest"
import { type Play, refuses, startFakeReceiver } from "../support/fakeReceiver.ts"
import { type Box, DAY, makeBox, startProgram } from "../support/shipperBox.ts"

const CALLS = "rename,unlink,rmdir,fsync,mkdir,pwrite64,ftruncate"
const killedAt = (n: number) => [
  "strace",
  "-f",
  "-o",
  "/dev/null",
  "-e",
  `trace=${CALLS}`,
  "-e",
  `inject=${CALLS}:signal=SIGKILL:when=${n}`
]
const FILES = ["done.marker", "events.jsonl", "labels.jsonl", "meta.json", "telemetry-proc.jsonl"]
const wholeIn = (box: Box, at: string) => FILES.every((name) => box.exists(at, name))
const places = (box: Box) =>
  ["episodes", "shipped", "quarantine"].flatMap((where) =>
    box
      .names(where)
      .filter((name) => fs.lstatSync(box.path(where, name)).isDirectory())
      .filter((name) => wholeIn(box, `${where}/${name}`))
      .map((name) => `${where}/${name}`)
  )

interface Scenario {
  name: string
  play?: Play
  prepare: (box: Box) => Promise<void>
  args: string[]
  ahead?: number
  after: string[]
  mayGo?: boolean
}
const age = async (box: Box) => {
  fs.rmSync(box.path("state/calendar.json"), { force: true })
}
const scenarios: Scenario[] = [
  { name: "retire", prepare: async (box) => box.episode("E1"), args: ["once"], after: ["shipped/E1"] },
  {
    name: "refuse",
    play: () => refuses(413, "too large"),
    prepare: async (box) => box.episode("E1"),
    args: ["once"],
    after: ["quarantine/E1"]
  },
  {
    name: "hold",
    play: () => refuses(409, "other", { stored_sha256: "a".repeat(64) }),
    prepare: async (box) => box.episode("E1"),
    args: ["once"],
    after: ["episodes/E1"]
  },
  {
    name: "requeue",
    prepare: async (box) => {
      box.episode("E1")
      await box.once()
      fs.renameSync(box.path("shipped/E1"), box.path("quarantine/E1"))
      box.put("quarantine/E1", { "quarantine_reason.json": "{}" })
    },
    args: ["requeue", "E1"],
    after: ["shipped/E1"]
  },
  {
    name: "reship",
    prepare: async (box) => {
      box.episode("E1")
      await box.once()
    },
    args: ["reship", "E1"],
    after: ["shipped/E1"]
  },
  {
    name: "prune-brought-back",
    prepare: async (box) => {
      box.episode("E1")
      await box.once()
      await age(box)
      box.configure({ retention: { keep_local_for_days: 7, quarantine_cleanup_interval_s: 0 } })
    },
    args: ["once"],
    ahead: 8 * DAY,
    after: ["shipped/E1"],
    play: ({ method }, seen) =>
      method === "HEAD" && seen === 1 ? { status: 404, headers: { "x-cis490-problem": "not-stored" } } : "good"
  },
  {
    name: "prune",
    prepare: async (box) => {
      box.episode("E1")
      await box.once()
      await age(box)
      box.configure({ retention: { keep_local_for_days: 7, quarantine_cleanup_interval_s: 0 } })
    },
    args: ["once"],
    ahead: 8 * DAY,
    after: [],
    mayGo: true
  }
]
const only = process.env.ONLY
test.each(scenarios.filter(({ name }) => only === undefined || only === name))("crash: $name", async ({
  name,
  play,
  prepare,
  args,
  ahead,
  after,
  mayGo
}) => {
  const bad: string[] = []
  let n = 1
  for (; n < 120; n++) {
    await using receiver = await startFakeReceiver(play)
    using box = makeBox(receiver.url)
    await prepare(box)
    const options = { ahead, env: { UV_THREADPOOL_SIZE: "1" } }
    const ran = await startProgram([...args, "--config", box.configFile], { ...options, under: killedAt(n) } as never)
      .ended
    const stood = places(box)
    if (stood.length !== 1 && !(mayGo && stood.length === 0)) bad.push(`${n}: stood ${stood}`)
    const killed = ran.signal === "SIGKILL" || ran.code === 137
    const tree = killed ? box.tree("").filter((p) => !/state\/$|jsonl|done|meta/.test(p)) : []
    let ended = await box.once({ ahead } as never)
    if (name === "requeue" || name === "reship") {
      if (places(box).join() !== after.join()) ended = await box.once()
    }
    const now = places(box)
    if (now.join() !== after.join() && !(["requeue"].includes(name) && now.join() === "quarantine/E1"))
      bad.push(`${n}: ended ${now} ${ended.stderr} (${tree})`)
    if (/mistake/.test(ended.stderr)) bad.push(`${n}: ${ended.stderr}`)
    const rest = box.names("outbox").filter((one) => !one.endsWith(".conflict.json"))
    if (rest.length > 0) bad.push(`${n}: outbox ${rest}`)
    if (!killed) break
  }
  console.log(`${name}: ${n} points`)
  expect(bad).toEqual([])
}, 300_000)
